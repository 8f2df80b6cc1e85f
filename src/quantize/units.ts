import {
  bodiesOf,
  GraphIndex,
  intAttribute,
  isDefaultDomain,
  ScopedIndex,
  tensorType,
  type Body,
  type ElementType,
  type Model,
  type NodeProto,
} from '../onnx';
import { infoSeen, type ScopedShapes } from '../onnx/shapes';
import type { PassContext } from './context';
import { operatorRow } from './operators';
import { isPackedAttention } from './packed-attention';
import { findCells, isRecurrent, type CellMember } from './recurrent';
import type { Precision } from '../results';

/**
 * What is quantized or kept as one: a node that computes, with the bias Add and the Relu or Clip that belong to it.
 * It is a *layer* for people (DESIGN §5).
 */
export interface Unit {
  /** The computing node's name. */
  name: string;
  /** Operator of {@link node}, which passes may have changed. */
  op: string;
  /** Operator in the file: what people call it. */
  sourceOp: string;
  node: NodeProto;
  /** The Add of a constant after a MatMul, if that is this unit's bias. */
  biasNode: NodeProto | null;
  /** The Relu or Clip that runs with it. */
  activation: NodeProto | null;
  /** Float activation tensors that it reads, in slot order. */
  inputs: string[];
  /** Its result after bias and activation. */
  output: string;
  /** Constant float32 weight, its slot and its output-channel axis. */
  weight: { tensor: string; slot: number; axis: number | null } | null;
  /** Constant float32 bias of slot 2. */
  bias: string | null;
  /** The LSTM or GRU cell that it is a part of, where one is written as single operators. */
  cell: CellMember | null;
  /** The body of If, Loop or Scan that it stands in; left out in the main graph. */
  body?: Body;
}

/** Where one unit computes, and why not in integers. */
export interface UnitPlacement {
  unit: Unit;
  integer: boolean;
  /** What an integer unit is written as where that is not INT8 throughout. */
  precision?: Precision;
  /** In a sentence; null where it is integer. */
  reason: string | null;
}

/** Operators besides those that the table says move values: they make constants, change types or hold graphs. */
const NO_LAYERS = new Set([
  ...['Shape', 'Size', 'Constant', 'ConstantOfShape', 'Cast', 'CastLike', 'Dropout', 'Range'],
  ...['NonZero', 'OneHot', 'EyeLike', 'If', 'Loop', 'Scan', 'QuantizeLinear', 'DequantizeLinear'],
]);

/** True for operators that move, view or choose values but compute none: never layers. */
function isMovement(node: NodeProto): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  return operatorRow(node.opType, '')?.unit === 'moves' || NO_LAYERS.has(node.opType);
}

/** Element types of tensors, as shape inference or a run found them; a missing one is taken as float32. */
export type TypeOf = (tensor: string) => ElementType | undefined;

/**
 * The units of a prepared model in graph order. Records in `context` which nodes a unit absorbs.
 * Integer arithmetic on shapes is left out.
 */
export function listUnits(model: Model, context: PassContext, typeOf: TypeOf): Unit[] {
  return unitsOf(new GraphIndex(model.graph), context, typeOf);
}

/** The units inside the bodies of If, Loop and Scan, outer bodies first. @param shapes of every graph of the model */
export function listBodyUnits(model: Model, context: PassContext, shapes: ScopedShapes): Unit[] {
  const indexes = new ScopedIndex(model.graph);
  return bodiesOf(model.graph).flatMap((body) => {
    const typeOf: TypeOf = (tensor) => infoSeen(model, body, shapes, tensor)?.type;
    return unitsOf(indexes.of(body), context, typeOf).map((unit) => ({ ...unit, body }));
  });
}

function unitsOf(index: GraphIndex, context: PassContext, typeOf: TypeOf): Unit[] {
  const units: Unit[] = [];
  const absorbed = new Set<NodeProto>();
  const cells = findCells(index);
  for (const node of index.graph.node) {
    if (absorbed.has(node)) continue;
    const weight = weightOf(index, node);
    if (isMovement(node) && !(node.opType === 'Gather' && weight)) continue;
    const output = isRecurrent(node) ? usedResult(index, node) : node.output[0];
    if (!output || !isFloat(typeOf(output))) continue;
    const biasNode = node.opType === 'MatMul' && weight ? soleReader(index, output, isBias) : null;
    const beforeActivation = biasNode?.output[0] ?? output;
    const activation = takesActivation(node)
      ? soleReader(index, beforeActivation, isActivation)
      : null;
    for (const node2 of [biasNode, activation])
      if (node2) {
        absorbed.add(node2);
        context.absorb(node2.name, node.name);
      }
    units.push({
      name: node.name,
      op: node.opType,
      sourceOp: context.operatorOf(node.name, node.opType),
      node,
      biasNode,
      activation,
      inputs: activationInputs(index, node, typeOf),
      output: activation?.output[0] ?? beforeActivation,
      weight,
      bias: constantBias(index, node),
      cell: cells.get(node) ?? null,
    });
  }
  return units;
}

/** What of a unit's inputs becomes integers: of those that states and pasts go into, the first alone. */
export function integerInputs({ node, inputs }: Unit): readonly string[] {
  return isRecurrent(node) || isPackedAttention(node) ? inputs.slice(0, 1) : inputs;
}

/** The first result of a recurrent node that something reads: all hidden states, the last one, or the cell state. */
function usedResult(index: GraphIndex, node: NodeProto): string | undefined {
  const used = (name: string) =>
    name !== '' && (index.isGraphOutput(name) || index.consumers(name).length > 0);
  return node.output.find(used) ?? node.output[0];
}

function isFloat(type: ElementType | undefined): boolean {
  return (
    type === undefined || type === 'undefined' || type.startsWith('float') || type === 'bfloat16'
  );
}

function takesActivation(node: NodeProto): boolean {
  const unit = operatorRow(node.opType, node.domain)?.unit;
  return unit === 'activation' || unit === 'bias';
}

function isActivation(_index: GraphIndex, node: NodeProto): boolean {
  return node.opType === 'Relu' || node.opType === 'Clip';
}

function isBias(index: GraphIndex, node: NodeProto): boolean {
  return (
    node.opType === 'Add' &&
    node.input.some((name) => {
      const t = index.initializer(name);
      return t !== undefined && t.dims.length <= 1 && tensorType(t) === 'float32';
    })
  );
}

/** The only reader of a tensor, if it fits and the tensor is no output of the model. */
function soleReader(
  index: GraphIndex,
  tensor: string,
  fits: (index: GraphIndex, node: NodeProto) => boolean,
): NodeProto | null {
  const readers = index.consumers(tensor);
  const [reader] = readers;
  if (readers.length !== 1 || !reader || index.isGraphOutput(tensor)) return null;
  return fits(index, reader) && reader.input.filter((n) => n === tensor).length === 1
    ? reader
    : null;
}

/** Computed inputs that hold numbers: a condition of Where, sizes and lengths are none. */
function activationInputs(index: GraphIndex, node: NodeProto, typeOf: TypeOf): string[] {
  return node.input.filter(
    (name) => name !== '' && !index.isConstant(name) && isFloat(typeOf(name)),
  );
}

function constantBias(index: GraphIndex, node: NodeProto): string | null {
  const name = node.input[2];
  if (!['Conv', 'ConvTranspose', 'Gemm'].includes(node.opType) || !name) return null;
  const tensor = index.initializer(name);
  return tensor && tensorType(tensor) === 'float32' ? name : null;
}

function weightOf(index: GraphIndex, node: NodeProto): Unit['weight'] {
  const slot = node.opType === 'Gather' ? 0 : 1;
  if (
    !isPackedAttention(node) &&
    !['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN', 'Gather'].includes(
      node.opType,
    )
  )
    return null;
  const name = node.input[slot];
  const tensor = name ? index.initializer(name) : undefined;
  if (!name || !tensor || tensorType(tensor) !== 'float32') return null;
  return { tensor: name, slot, axis: channelAxis(node, tensor.dims.length) };
}

/** Output-channel axis of a weight (DESIGN §4.2), or null where it has none that a scale could follow. */
function channelAxis(node: NodeProto, rank: number): number | null {
  switch (node.opType) {
    case 'Conv':
      return 0;
    case 'ConvTranspose':
      return intAttribute(node, 'group', 1) === 1 ? 1 : null;
    case 'Gemm':
      return intAttribute(node, 'transB', 0) === 0 ? 1 : 0;
    case 'MatMul':
    case 'Attention':
      return rank === 2 ? 1 : null;
    case 'Gather':
      return rank > 1 ? rank - 1 : null;
    default:
      return null;
  }
}
