import {
  floatData,
  GraphIndex,
  intAttribute,
  makeInt,
  makeNode,
  makeTensor,
  tensorType,
  topologicalOrder,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../onnx';
import { inferShapes } from '../onnx/shapes';
import type { QuantParams } from '../numeric';
import {
  CHANNEL_AXIS,
  channelwiseOutput,
  shiftedBias,
  writeChannelParameters,
  type ChannelsOf,
  type ChannelwiseOutput,
} from './channelwise';
import { balancedParams, balancedWeight, type Balances, type Ratios } from './balance';
import { impliedByRange } from './implied';
import { codesBehind, replaceAttention } from './integer-attention';
import { isPackedAttention } from './packed-attention';
import type { Placement, UnitPlacement } from './placement';
import {
  writeParameters,
  type ParameterNames,
  type ParamsOf,
  type TensorParams,
} from './parameters';
import { hiddenKey, isRecurrent, sequenceSizes, writeApart, type SequenceSizes } from './recurrent';
import { constantOperands } from './operands';
import { protectFloat } from './protect';
import { attach } from './attach';
import { separateBiases } from './separate-bias';
import { integerInputs, type Unit } from './units';
import { roundBias } from './fixed/round-bias';
import { isTable, writeTable } from './tables';
import { ConstantWriter, type QuantizedConstant, type WeightSettings } from './weights';

/** What activations become. */
export interface ActivationSettings {
  type: 'uint8' | 'int8';
}

/** Where the codes of a tensor are, and how they are read. */
export interface WrittenCodes {
  quantized: string;
  dequantized: string;
  params: TensorParams;
  /** One for every channel along {@link CHANNEL_AXIS} instead of `params`. */
  channels?: readonly QuantParams[];
}

/** Parameters of both nodes of a pair, and which of the two has one for every channel along {@link CHANNEL_AXIS}. */
interface PairParameters {
  quantize: ParameterNames;
  dequantize: ParameterNames;
  byChannel: 'QuantizeLinear' | 'DequantizeLinear' | null;
  /** What the codes mean, channel by channel, where that differs. */
  channels: readonly QuantParams[] | null;
}

/** What was written for people to ask about. */
export interface WrittenQdq {
  model: Model;
  /** u8/i8 tensor that holds the codes of each quantized tensor, and the dequantized one that readers see. */
  codes: Map<string, WrittenCodes>;
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
 * 6. LSTM, GRU and RNN are taken apart: their products are integer, the rest of their cells float.
 *    com.microsoft.Attention becomes QAttention, which reads codes itself.
 * 7. A convolution that only float layers read writes codes with a scale for every channel (`channelsOf`).
 * 8. Channels of balanced tensors (`balances`) are rounded in scales of their own, which the weights that read them take back.
 * 9. Gather takes rows of int8 tables, and what it took is dequantized.
 * 10. Float layers between DQ and Q are written in a form that the runtime does not quantize again (DESIGN §4.9).
 *    Neither this nor 5. is done to a file for another runtime (a placement with `reads`).
 */
export function writeQdq(
  prepared: Model,
  placement: Placement,
  paramsOf: ParamsOf,
  activations: ActivationSettings,
  weightSettings: (unit: string) => WeightSettings,
  biases: ReadonlyMap<string, Float32Array> = new Map(),
  channelsOf: ChannelsOf = () => null,
  balances: Balances = new Map(),
): WrittenQdq {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const nodes = new Map(model.graph.node.map((n) => [n.name, n]));
  const own = (node: NodeProto) => nodes.get(node.name)!;
  const codes: WrittenQdq['codes'] = new Map();
  const weightScales = new Map<string, Float32Array>();
  const integerReaders = readersInIntegers(placement);
  const parameterNames = new Map<string, ParameterNames>();

  const channelwise = new Map<string, ChannelwiseOutput>();
  for (const { unit } of placement.units) {
    if (!placement.channelwise.has(unit.output)) continue;
    const channels = channelsOf(unit.output);
    const output = channelwiseOutput(index, unit, channels, activations.type);
    if (output) channelwise.set(unit.output, output);
  }
  for (const [tensor, ratios] of balances) {
    const params = paramsOf(tensor);
    const channels = balancedParams(ratios, params);
    if (placement.shipped.has(tensor))
      channelwise.set(tensor, { channels, zeroPoint: params.zeroPoint });
  }

  index.batch(() => {
    for (const { unit, integer } of placement.units) {
      if (!integer || !unit.activation) continue;
      if (!placement.shipped.has(unit.output)) continue;
      const params = paramsOf(placement.quantized.get(unit.output)!);
      const implied =
        channelwise.has(unit.output) ||
        impliedByRange(index, unit.activation, params, activations.type);
      if (!implied) continue;
      const activation = own(unit.activation);
      const producer = index.producer(activation.input[0]!)!;
      index.removeNode(activation);
      index.setOutput(producer, 0, unit.output);
    }
  });

  const parametersOf = (tensor: string, root: string): PairParameters => {
    const params = paramsOf(root);
    const one = (of: QuantParams, name = tensor) =>
      writeParameters(index, name, of, activations.type);
    const each = (channels: readonly QuantParams[]) =>
      writeChannelParameters(index, tensor, channels, activations.type);
    const kernel = channelwise.get(tensor);
    const ratios = balances.get(tensor);
    if (kernel) {
      // in the units of the kernel that makes it
      const quantize = one({ scale: 1, zeroPoint: kernel.zeroPoint });
      const { channels } = kernel;
      return ratios
        ? { quantize, dequantize: one(params), byChannel: null, channels }
        : { quantize, dequantize: each(channels), byChannel: 'DequantizeLinear', channels };
    }
    if (ratios) {
      const dequantize = one(params);
      const channels = balancedParams(ratios, params);
      return { quantize: each(channels), dequantize, byChannel: 'QuantizeLinear', channels };
    }
    const names = parameterNames.get(root) ?? one(params, root);
    parameterNames.set(root, names);
    return { quantize: names, dequantize: names, byChannel: null, channels: null };
  };

  for (const [tensor, root] of placement.quantized) {
    const params = paramsOf(root);
    const pair = parametersOf(tensor, root);
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
    index.insertNode(linear('QuantizeLinear', index, source, quantized, pair, tensor));
    for (const reader of readers)
      if (dequantized !== tensor) index.replaceInput(reader, tensor, dequantized);
    index.insertNode(linear('DequantizeLinear', index, quantized, dequantized, pair, tensor));
    codes.set(tensor, {
      ...{ quantized, dequantized, params },
      ...(pair.channels ? { channels: pair.channels } : {}),
    });
  }

  const writer = new ConstantWriter(model, index);
  const sizes = new Map<Unit, SequenceSizes>();
  const recurrent = placement.units.filter((p) => p.integer && isRecurrent(p.unit.node));
  if (recurrent.length > 0) {
    const shapes = inferShapes(prepared);
    for (const { unit } of recurrent) sizes.set(unit, sequenceSizes(shapes, unit.node));
  }
  for (const item of placement.units) {
    const apart = sizes.get(item.unit);
    if (apart)
      weightScales.set(
        item.unit.name,
        writeApart(index, own(item.unit.node), apart, model.dir, {
          writer,
          weights: weightSettings(item.unit.name),
          hidden: paramsOf(hiddenKey(item.unit.node)),
          type: activations.type,
        }),
      );
    else if (item.integer)
      for (const slot of constantOperands(index, item.unit)) {
        const node = own(item.unit.node);
        const fixed = weightSettings(item.unit.name).powerOfTwo;
        const operand = writer.operand(node.input[slot]!, activations.type, fixed);
        attach(index, node, slot, operand, `${item.unit.name}.operand`);
      }
    if (item.integer && isTable(item.unit)) {
      const settings = weightSettings(item.unit.name);
      const scales = writeTable(index, writer, own(item.unit.node), item.unit, settings);
      weightScales.set(item.unit.name, scales);
    } else if (item.integer && isPackedAttention(item.unit.node)) {
      const settings = weightSettings(item.unit.name);
      const node = own(item.unit.node);
      const codes = (x: string) => codesBehind(index, x, activations.type);
      weightScales.set(item.unit.name, replaceAttention(index, writer, node, settings, codes));
    } else if (!apart && item.integer && item.unit.weight)
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
          putBias(index, own, item.unit, biases.get(item.unit.name)),
          channelwise.get(item.unit.output) ?? null,
          balances.get(item.unit.inputs[0]!) ?? null,
        ),
      );
  }

  if (!placement.reads) {
    separateBiases(model, index, placement, prepared, own);
    protectFloat(index, placement, own, paramsOf, activations.type);
  }
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
  channelwise: ChannelwiseOutput | null,
  ratios: Ratios | null,
): Float32Array {
  const settings = weightSettings(unit.name);
  const { slot, axis } = unit.weight!;
  const tensor = ratios ? balancedWeight(model, index, unit, ratios) : unit.weight!.tensor;
  const input = unit.inputs[0]!;
  const inputScale = paramsOf(placement.quantized.get(input) ?? input).scale;
  if (settings.floatBias && biasTensor) index.setInput(node, 2, biasTensor);
  const own =
    biasTensor && !settings.floatBias ? floatData(index.initializer(biasTensor)!, model.dir) : null;
  const bias = channelwise ? shiftedBias(own, channelwise) : own;
  const group = intAttribute(unit.node, 'group', 1);
  const scales = writer.scales(tensor, axis, settings, inputScale, bias, group);
  const weight = writer.weight(tensor, axis, settings, scales);
  const units = channelwise?.channels.map((c) => c.scale) ?? null;
  attach(index, node, slot, inUnits(index, weight, units), `${unit.name}.weight`);
  if (bias) {
    // a corrected bias is still that of the source: its name says so
    const base = unit.bias ?? biasTensor ?? `${unit.name}.bias`;
    const codes = writer.bias(base, inputScale, scales, bias);
    attach(index, node, 2, inUnits(index, codes, units), `${unit.name}.bias`);
  }
  if (settings.powerOfTwo && unit.biasNode) roundBias(model, index, unit, { inputScale, scales });
  return scales;
}

/** The same codes for a kernel whose result is counted in `units`, one for every channel. */
function inUnits(
  index: GraphIndex,
  constant: QuantizedConstant,
  units: readonly number[] | null,
): QuantizedConstant {
  if (!units) return constant;
  const one = constant.scales.length === 1;
  const scales = Float32Array.from(units, (unit, c) => constant.scales[one ? 0 : c]! / unit);
  const add = (tensor: TensorProto) => index.addInitializer(tensor);
  const named = (base: string) => index.freshName(`${base}_in_units`);
  const scale = add(makeTensor(named(constant.scale), 'float32', [scales.length], scales));
  if (!one) return { ...constant, scale, scales };
  const type = tensorType(index.initializer(constant.zeroPoint)!);
  const zeros = type === 'int32' ? new Int32Array(scales.length) : new Int8Array(scales.length);
  const zeroPoint = add(makeTensor(named(constant.zeroPoint), type, [scales.length], zeros));
  return { ...constant, scale, zeroPoint, axis: 0, scales };
}

/** Puts a corrected bias in place and returns the tensor that becomes the kernel's int32 bias, if there is one. */
export function putBias(
  index: GraphIndex,
  own: (node: NodeProto) => NodeProto,
  unit: Unit,
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

function linear(
  opType: 'QuantizeLinear' | 'DequantizeLinear',
  index: GraphIndex,
  input: string,
  output: string,
  pair: PairParameters,
  tensor: string,
): NodeProto {
  const names = opType === 'QuantizeLinear' ? pair.quantize : pair.dequantize;
  return makeNode({
    opType,
    name: index.freshName(`${tensor}/${opType}`),
    inputs: [input, names.scale, names.zeroPoint],
    outputs: [output],
    attributes: pair.byChannel === opType ? [makeInt('axis', CHANNEL_AXIS)] : [],
  });
}

function readersInIntegers(placement: Placement): ReadonlyMap<string, ReadonlySet<string>> {
  if (placement.reads) return placement.reads;
  const readers = new Map<string, Set<string>>();
  const add = (tensor: string, node: string) => {
    const set = readers.get(tensor);
    if (set) set.add(node);
    else readers.set(tensor, new Set([node]));
  };
  for (const { unit, integer } of placement.units)
    if (integer) for (const input of integerInputs(unit)) add(input, unit.node.name);
  for (const node of placement.passthrough) add(node.input[0]!, node.name);
  for (const node of placement.joining) for (const input of node.input) add(input, node.name);
  return readers;
}

/** value_info of tensors that are gone, or whose type the passes may have changed, is dropped: the runtime infers it. */
function dropStaleTypes(model: Model): void {
  const written = new Set(model.graph.node.flatMap((n) => n.output));
  model.graph.valueInfo = model.graph.valueInfo.filter((v) => written.has(v.name));
}
