import {
  floatData,
  GraphIndex,
  intAttribute,
  makeInt,
  makeNode,
  makeTensor,
  topologicalOrder,
  type Model,
  type NodeProto,
} from '../onnx';
import { codeRange, type QuantParams } from '../numeric';
import type { Placement, UnitPlacement } from './placement';
import { writeParameters, type ParamsOf } from './parameters';
import { protectFloat } from './protect';
import { separateBiases } from './separate-bias';
import { ConstantWriter, type WeightSettings } from './weights';

/** What activations become. */
export interface ActivationSettings {
  type: 'uint8' | 'int8';
}

/** What was written for people to ask about. */
export interface WrittenQdq {
  model: Model;
  /** u8/i8 tensor that holds the codes of each quantized tensor, and the dequantized one that readers see. */
  codes: Map<string, { quantized: string; dequantized: string; params: QuantParams }>;
  /** Scales of each integer unit's weight, by unit name. */
  weightScales: Map<string, Float32Array>;
}

/**
 * Writes Q/DQ pairs into a copy of the prepared model.
 * 1. Every quantized tensor gets QuantizeLinear and DequantizeLinear; those that share a scale share the initializers.
 * 2. Weights become int8 with DequantizeLinear, biases int32 with `s = s_x · s_w`.
 * 3. A Relu or Clip that the quantizer's own range already does is left out.
 * 4. A corrected bias in `biases` (by unit) takes the place of the layer's own.
 * 5. The bias after a MatMul stays apart from it where the runtime would make a float Gemm of both.
 * 6. Float layers between DQ and Q are written in a form that the runtime does not quantize again (DESIGN §4.9).
 */
export function writeQdq(
  prepared: Model,
  placement: Placement,
  paramsOf: ParamsOf,
  activations: ActivationSettings,
  weightSettings: (unit: string) => WeightSettings,
  biases: ReadonlyMap<string, Float32Array> = new Map(),
): WrittenQdq {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const nodes = new Map(model.graph.node.map((n) => [n.name, n]));
  const own = (node: NodeProto) => nodes.get(node.name)!;
  const codes: WrittenQdq['codes'] = new Map();
  const weightScales = new Map<string, Float32Array>();
  const integerReaders = readersInIntegers(placement);
  const parameterNames = new Map<string, { scale: string; zeroPoint: string }>();

  for (const { unit, integer } of placement.units) {
    if (!integer || !unit.activation) continue;
    if (!placement.shipped.has(unit.output)) continue;
    const params = paramsOf(placement.quantized.get(unit.output)!);
    if (!impliedByRange(index, unit.activation, params, activations.type)) continue;
    const activation = own(unit.activation);
    const producer = index.producer(activation.input[0]!)!;
    index.removeNode(activation);
    index.setOutput(producer, 0, unit.output);
  }

  for (const [tensor, root] of placement.quantized) {
    const params = paramsOf(root);
    let names = parameterNames.get(root);
    if (!names) {
      names = writeParameters(index, root, params, activations.type);
      parameterNames.set(root, names);
    }
    const shipped = placement.shipped.has(tensor);
    const isOutput = index.isGraphOutput(tensor);
    let source = tensor;
    const readers = index
      .consumers(tensor)
      .filter((n) => shipped || (integerReaders.get(tensor)?.has(n.name) ?? false));
    if (shipped && isOutput) {
      source = index.freshName(`${tensor}_unquantized`);
      const producer = index.producer(tensor)!;
      index.setOutput(producer, producer.output.indexOf(tensor), source);
    }
    const quantized = index.freshName(`${tensor}_quantized`);
    const dequantized = shipped && isOutput ? tensor : index.freshName(`${tensor}_dequantized`);
    index.insertNode(linear('QuantizeLinear', index, source, quantized, names, tensor));
    for (const reader of readers)
      if (dequantized !== tensor) index.replaceInput(reader, tensor, dequantized);
    index.insertNode(linear('DequantizeLinear', index, quantized, dequantized, names, tensor));
    codes.set(tensor, { quantized, dequantized, params });
  }

  const writer = new ConstantWriter(model, index);
  for (const item of placement.units)
    if (item.integer && item.unit.weight)
      weightScales.set(
        item.unit.name,
        writeWeights(
          model,
          index,
          writer,
          own(item.unit.node),
          item,
          placement,
          paramsOf,
          weightSettings,
          putBias(index, own, item, biases.get(item.unit.name)),
        ),
      );

  separateBiases(model, index, placement, prepared, own);
  protectFloat(index, placement, own, paramsOf, activations.type);
  index.dropDeadNodes();
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  dropStaleTypes(model);
  return { model, codes, weightScales };
}

function writeWeights(
  model: Model,
  index: GraphIndex,
  writer: ConstantWriter,
  node: NodeProto,
  { unit }: UnitPlacement,
  placement: Placement,
  paramsOf: ParamsOf,
  weightSettings: (unit: string) => WeightSettings,
  biasTensor: string | null,
): Float32Array {
  const settings = weightSettings(unit.name);
  const { tensor, slot, axis } = unit.weight!;
  const input = unit.inputs[0]!;
  const inputScale = paramsOf(placement.quantized.get(input) ?? input).scale;
  const bias = biasTensor ? floatData(index.initializer(biasTensor)!, model.dir) : null;
  const group = intAttribute(node, 'group', 1);
  const scales = writer.scales(tensor, axis, settings, inputScale, bias, group);
  const weight = writer.weight(tensor, axis, settings, scales);
  attach(index, node, slot, weight, `${unit.name}.weight`);
  if (biasTensor)
    attach(index, node, 2, writer.bias(biasTensor, inputScale, scales), `${unit.name}.bias`);
  return scales;
}

/** Puts a corrected bias in place and returns the tensor that becomes the kernel's int32 bias, if there is one. */
function putBias(
  index: GraphIndex,
  own: (node: NodeProto) => NodeProto,
  { unit }: UnitPlacement,
  corrected: Float32Array | undefined,
): string | null {
  if (!corrected) return unit.bias;
  const name = index.freshName(`${unit.name}.bias_corrected`);
  index.addInitializer(makeTensor(name, 'float32', [corrected.length], corrected));
  if (!unit.biasNode) return name;
  const add = own(unit.biasNode);
  index.replaceInput(
    add,
    add.input.find((n) => index.isConstant(n))!,
    name,
  );
  return null;
}

function attach(
  index: GraphIndex,
  node: NodeProto,
  slot: number,
  constant: { codes: string; scale: string; zeroPoint: string; axis: number | null },
  base: string,
): void {
  const output = index.freshName(`${base}_dequantized`);
  index.insertNode(
    makeNode({
      opType: 'DequantizeLinear',
      name: index.freshName(`${base}/DequantizeLinear`),
      inputs: [constant.codes, constant.scale, constant.zeroPoint],
      outputs: [output],
      attributes: constant.axis === null ? [] : [makeInt('axis', constant.axis)],
    }),
  );
  index.setInput(node, slot, output);
}

function linear(
  opType: 'QuantizeLinear' | 'DequantizeLinear',
  index: GraphIndex,
  input: string,
  output: string,
  names: { scale: string; zeroPoint: string },
  tensor: string,
): NodeProto {
  return makeNode({
    opType,
    name: index.freshName(`${tensor}/${opType}`),
    inputs: [input, names.scale, names.zeroPoint],
    outputs: [output],
  });
}

function readersInIntegers(placement: Placement): Map<string, Set<string>> {
  const readers = new Map<string, Set<string>>();
  const add = (tensor: string, node: string) => {
    const set = readers.get(tensor);
    if (set) set.add(node);
    else readers.set(tensor, new Set([node]));
  };
  for (const { unit, integer } of placement.units)
    if (integer) for (const input of unit.inputs) add(input, unit.node.name);
  for (const node of placement.passthrough) add(node.input[0]!, node.name);
  return readers;
}

/** True where clamping to the codes already does what Relu or Clip does. */
function impliedByRange(
  index: GraphIndex,
  node: NodeProto,
  params: QuantParams,
  type: 'uint8' | 'int8',
): boolean {
  const codes = codeRange(type);
  const low = (codes.min - params.zeroPoint) * params.scale;
  const high = (codes.max - params.zeroPoint) * params.scale;
  if (node.opType === 'Relu') return low >= 0;
  const bound = (slot: number, open: number): number => {
    const name = node.input[slot] ?? '';
    if (name === '') return open;
    const tensor = index.initializer(name);
    return tensor ? (floatData(tensor)[0] ?? open) : Number.NaN;
  };
  const slack = params.scale / 2;
  return low >= bound(1, -Infinity) - slack && high <= bound(2, Infinity) + slack;
}

/** value_info of tensors that are gone, or whose type the passes may have changed, is dropped: the runtime infers it. */
function dropStaleTypes(model: Model): void {
  const written = new Set(model.graph.node.flatMap((n) => n.output));
  model.graph.valueInfo = model.graph.valueInfo.filter((v) => written.has(v.name));
}
