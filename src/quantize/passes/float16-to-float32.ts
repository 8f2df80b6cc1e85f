import { clearField } from '@bufbuild/protobuf';
import { fromBfloat16Array, fromHalfArray } from '../../numeric';
import {
  allNodes,
  allTensors,
  ComputedBytes,
  elementTypeNumber,
  GraphIndex,
  hold,
  isExternal,
  makeInt,
  makeNode,
  renamedTensor,
  subgraphs,
  tensorBytes,
  tensorData,
  tensorType,
  topologicalOrder,
  valueType,
  type AttributeProto,
  type ElementType,
  type GraphProto,
  type Model,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../onnx';
import { TensorProtoSchema } from '../../onnx/gen/onnx_pb';
import { inferShapes } from '../../onnx/shapes';
import type { PassContext } from '../context';

const FLOAT32 = elementTypeNumber('float32');
const HALVES: readonly ElementType[] = ['float16', 'bfloat16'];
const HALF_NUMBERS = HALVES.map(elementTypeNumber);
/** Attributes that name an element type. */
const TYPE_ATTRIBUTES = ['to', 'dtype', 'output_datatype', 'output_dtype'];

/**
 * A model in float16 or bfloat16, or partly so, becomes one in float32 that computes the same, more exactly.
 * 1. Every constant becomes float32, inside bodies and functions too; each half has its float32, so none changes.
 * 2. Casts to half and other operators that name the type give float32; Casts that convert nothing any more go.
 * 3. Inputs and outputs of the model keep their types: a Cast stands at each border.
 * 4. Declared types inside are corrected.
 * Does nothing where nothing is half, or where the model's inputs or outputs are sequences of halves, for which there is
 * no Cast.
 */
export function float16ToFloat32(model: Model, context: PassContext): void {
  const { graph } = model;
  const found = halvesOf(model);
  if (found.size === 0) return;
  if ([...graph.input, ...graph.output].some(isSequenceOfHalves)) return;
  const casts = castsBetween(model);
  const borders = { inputs: graph.input.filter(isHalf), outputs: graph.output.filter(isHalf) };
  for (const { tensor } of allTensors(graph)) widenTensor(tensor, model.dir);
  const functions = model.proto.functions.flatMap((f) => f.node);
  for (const node of functions) for (const a of node.attribute) if (a.t) widenTensor(a.t, null);
  for (const node of [...allNodes(graph), ...functions])
    for (const a of node.attribute) widenAttribute(a);
  for (const inner of graphsInside(graph))
    for (const v of [...inner.input, ...inner.output, ...inner.valueInfo]) widenInfo(v);
  // what some exporters declare of inputs and outputs once more would tell of the wrong side of the Cast
  const border = new Set([...graph.input, ...graph.output].map((v) => v.name));
  graph.valueInfo = graph.valueInfo.filter((v) => !border.has(v.name));
  for (const v of graph.valueInfo) widenInfo(v);
  const index = new GraphIndex(graph);
  for (const cast of casts) {
    const input = cast.input[0]!;
    const host = index.producer(input);
    if (index.bypass(cast, input) && host) context.absorb(cast.name, host.name);
  }
  for (const v of borders.inputs) castInput(index, v);
  for (const v of borders.outputs) castOutput(index, v);
  graph.node = topologicalOrder(graph);
  const types = [...found].sort().join(' and ');
  context.note({
    code: 'half-to-float32',
    severity: 'info',
    message: `The model is in ${types}; it is read as float32, which holds every one of its values. Its inputs and outputs keep their types.`,
  });
}

/** Types of 16 bits that constants, Casts or values of a model have. */
function halvesOf(model: Model): Set<ElementType> {
  const found = new Set<ElementType>();
  const add = (type: ElementType) => {
    if (HALVES.includes(type)) found.add(type);
  };
  const { graph } = model;
  for (const { tensor } of allTensors(graph)) add(tensorType(tensor));
  for (const node of allNodes(graph))
    for (const a of node.attribute)
      if (TYPE_ATTRIBUTES.includes(a.name)) {
        const at = HALF_NUMBERS.indexOf(Number(a.i));
        if (at >= 0) add(HALVES[at]!);
      }
  for (const g of [graph, ...graphsInside(graph)])
    for (const v of [...g.input, ...g.output]) add(valueType(v).type);
  return found;
}

/** Casts of the main graph whose input and result are both floats of 32 bits or fewer. */
function castsBetween(model: Model): NodeProto[] {
  const floats: readonly ElementType[] = ['float32', ...HALVES];
  const numbers = floats.map(elementTypeNumber);
  const types = inferShapes(model);
  return model.graph.node.filter(
    (node) =>
      node.opType === 'Cast' &&
      node.domain === '' &&
      numbers.includes(Number(node.attribute.find((a) => a.name === 'to')?.i)) &&
      floats.includes(types.get(node.input[0] ?? '')?.type ?? 'undefined'),
  );
}

/** Every graph inside a graph. */
function graphsInside(graph: GraphProto): GraphProto[] {
  return [...allNodes(graph)].flatMap(subgraphs);
}

function isHalf(info: ValueInfoProto): boolean {
  return HALVES.includes(valueType(info).type);
}

function isSequenceOfHalves(info: ValueInfoProto): boolean {
  const value = info.type?.value;
  const inner =
    value?.case === 'sequenceType' || value?.case === 'optionalType'
      ? value.value.elemType?.value
      : undefined;
  return inner?.case === 'tensorType' && HALF_NUMBERS.includes(inner.value.elemType);
}

function widenTensor(tensor: TensorProto, dir: string | null): void {
  const type = tensorType(tensor);
  if (!HALVES.includes(type)) return;
  const half = renamedTensor(tensor, tensor.name);
  const widened = () => {
    const bits = tensorData(half, dir) as Uint16Array;
    return type === 'float16' ? fromHalfArray(bits) : fromBfloat16Array(bits);
  };
  tensor.dataType = FLOAT32;
  if (isExternal(tensor)) {
    hold(tensor, new ComputedBytes(2 * tensorBytes(half), widened));
    return;
  }
  const values = widened();
  tensor.rawData = new Uint8Array(values.buffer);
  tensor.int32Data = [];
  tensor.externalData = [];
  clearField(tensor, TensorProtoSchema.field.dataLocation);
}

function widenAttribute(a: AttributeProto): void {
  if (TYPE_ATTRIBUTES.includes(a.name) && HALF_NUMBERS.includes(Number(a.i))) a.i = BigInt(FLOAT32);
}

function widenInfo(info: ValueInfoProto): void {
  const value = info.type?.value;
  if (value?.case !== 'tensorType' || !HALF_NUMBERS.includes(value.value.elemType)) return;
  value.value.elemType = FLOAT32;
}

/** A Cast behind an input that keeps its type. */
function castInput(index: GraphIndex, { name }: ValueInfoProto): void {
  if (index.consumers(name).length === 0) return;
  const wide = index.freshName(`${name}_float32`);
  index.replaceUses(name, wide);
  index.insertNode(castNode(index, name, wide, FLOAT32), null);
}

/** A Cast before an output that keeps its type; an input that is an output as it stands needs none. */
function castOutput(index: GraphIndex, info: ValueInfoProto): void {
  const { name } = info;
  const producer = index.producer(name);
  const constant = index.initializer(name);
  if (!producer && !constant) return;
  const wide = index.freshName(`${name}_float32`);
  index.replaceUses(name, wide);
  if (producer) index.setOutput(producer, producer.output.indexOf(name), wide);
  else constant!.name = wide;
  index.insertNode(castNode(index, wide, name, elementTypeNumber(valueType(info).type)));
}

function castNode(index: GraphIndex, from: string, to: string, type: number): NodeProto {
  return makeNode({
    opType: 'Cast',
    name: index.freshName(`${from}/Cast`),
    inputs: [from],
    outputs: [to],
    attributes: [makeInt('to', type)],
  });
}
