import {
  floatData,
  GraphIndex,
  intAttribute,
  makeNode,
  makeTensor,
  tensorData,
  tensorDims,
  tensorType,
  topologicalOrder,
  type Model,
  type NodeProto,
} from '../onnx';
import { chooseParams, codeRange, Moments, quantizeArray, type QuantParams } from '../numeric';
import { attach } from './attach';
import { constantOperands } from './operands';
import { protectBesideWide } from './protect';
import { writeParameters } from './parameters';
import { isPackedAttention } from './packed-attention';
import { isRecurrent } from './recurrent';
import type { Placement } from './placement';
import { putBias } from './qdq';
import type { Unit } from './units';
import { ConstantWriter, type WeightSettings } from './weights';

/** Types of 16-bit activations. */
export type WideType = 'uint16' | 'int16';

export interface WideSettings {
  /** The layers whose activations have 16 bits, and of which type. */
  types: ReadonlyMap<string, WideType>;
  /** Scale and zero point of a tensor for such a layer. */
  paramsOf(tensor: string, type: WideType): QuantParams;
  weightSettings(unit: string): WeightSettings;
  /** Corrected biases of such layers, by name. */
  biases?: ReadonlyMap<string, Float32Array>;
}

/** A tensor in 16 bits. */
export interface WideTensor {
  type: WideType;
  params: QuantParams;
}

/** The domain whose QuantizeLinear knows 16 bits before ONNX's own does, in opset 21. */
const CONTRIB = 'com.microsoft';

/** The domain of 16-bit QuantizeLinear in a model, which then imports it. */
export function wideDomain(model: Model): string {
  if (model.opset >= 21) return '';
  model.importDomain(CONTRIB, 1);
  return CONTRIB;
}

/** Operators that move codes: what they read in 16 bits they give in 16 bits. */
const MOVERS = new Set(
  'Reshape Transpose Flatten Squeeze Unsqueeze Slice Split Gather Expand Tile DepthToSpace MaxPool Identity'.split(
    ' ',
  ),
);

/** Why a layer cannot have 16-bit activations; null where it can. */
export function whyNotWide(unit: Unit): string | null {
  if (unit.body)
    return `it is inside the body of ${unit.body.owner.opType} '${unit.body.path}', where layers are written in 8 bits only`;
  if (isPackedAttention(unit.node)) return 'QAttention takes codes of 8 bits';
  return isRecurrent(unit.node)
    ? 'its states are taken apart for 8 bits, and have no 16-bit form'
    : null;
}

/**
 * Gives layers 16-bit activations in a model in which they stand as float layers, between 8-bit ones or float ones:
 * 1. What such a layer reads passes a Q/DQ pair of 16 bits. Where it comes as 8-bit codes, the scale is theirs / 256, so
 *    that every one of their values has a code and nothing is lost; where it comes from another such layer, its pair
 *    serves.
 * 2. What it writes passes one where `placement`, in which it is an integer layer, ships codes.
 * 3. A constant that it adds or multiplies with has codes of the same type.
 * 4. Its weight is int8, its bias, or the corrected one that takes its place, int32 with `s = s_x · s_w`, as in 8 bits.
 * QuantizeLinear is ONNX's own from opset 21 on, onnxruntime's before. onnxruntime's CPU provider has no 16-bit integer
 * kernels but those that move values: such a layer computes in float, with exactly the roundings of the file.
 * @param model is changed; @param placement of the prepared model with none of these layers kept
 * @returns the tensors of the prepared model that now have 16 bits
 */
export function widen(
  model: Model,
  placement: Placement,
  settings: WideSettings,
): Map<string, WideTensor> {
  const writer = new WideWriter(model, placement, settings);
  for (const { unit, integer } of placement.units)
    if (integer && settings.types.has(unit.name)) writer.widen(unit);
  writer.finish();
  return writer.tensors;
}

interface Pair {
  scale: string;
  zeroPoint: string;
  params: QuantParams;
}

class WideWriter {
  readonly tensors = new Map<string, WideTensor>();
  private readonly index: GraphIndex;
  private readonly nodes: Map<string, NodeProto>;
  private readonly constants: ConstantWriter;
  /** Results of 16-bit DequantizeLinear, by tensor. */
  private readonly wide = new Map<string, Pair & { type: WideType }>();
  /** The converted form of a tensor, by tensor and type. */
  private readonly converted = new Map<string, string>();

  constructor(
    private readonly model: Model,
    private readonly placement: Placement,
    private readonly settings: WideSettings,
  ) {
    this.index = new GraphIndex(model.graph);
    this.nodes = new Map(model.graph.node.map((n) => [n.name, n]));
    this.constants = new ConstantWriter(model, this.index);
  }

  widen(unit: Unit): void {
    const type = this.settings.types.get(unit.name)!;
    const node = this.nodes.get(unit.node.name)!;
    const corrected = this.settings.biases?.get(unit.name);
    const own = ({ name }: NodeProto) => this.nodes.get(name)!;
    const bias = putBias(this.index, own, unit, corrected);
    let inputScale: number | null = null;
    for (const [slot, tensor] of unit.node.input.entries()) {
      if (!unit.inputs.includes(tensor)) continue;
      const { name, params } = this.read(node.input[slot]!, tensor, type);
      this.index.setInput(node, slot, name);
      inputScale ??= params.scale;
      if (!this.tensors.has(tensor)) this.tensors.set(tensor, { type, params });
    }
    for (const slot of constantOperands(this.index, unit)) this.writeConstant(node, slot, type);
    if (unit.weight && inputScale !== null) this.writeWeights(unit, node, bias, inputScale);
    if (this.placement.shipped.has(unit.output)) this.writeOutput(unit, type);
  }

  finish(): void {
    for (const { unit, integer } of this.placement.units) {
      const node = integer ? undefined : this.nodes.get(unit.node.name);
      if (node) protectBesideWide(this.index, node);
    }
    this.index.dropUnusedInitializers();
    this.model.graph.node = topologicalOrder(this.model.graph);
  }

  /** A tensor as a 16-bit layer reads it. @param now its name in this model; @param tensor in the prepared one */
  private read(now: string, tensor: string, type: WideType): { name: string; params: QuantParams } {
    const source = this.sourceOf(now);
    if (source?.pair && source.pair.type === type && source.direct)
      return { name: now, params: source.pair.params };
    const key = `${now}|${type}`;
    const known = this.converted.get(key);
    const same = source?.pair?.type === type ? source.pair : null;
    if (known !== undefined) return { name: known, params: this.wide.get(known)!.params };
    const pair = same ?? this.parameters(tensor, source?.codes ?? null, type);
    const name = this.index.freshName(`${tensor}_wide`);
    this.insertPair(now, name, pair, type, tensor);
    this.converted.set(key, name);
    return { name, params: pair.params };
  }

  /** Where values come from, through nodes that only move them: a 16-bit pair, or 8-bit codes with one scale. */
  private sourceOf(name: string): {
    pair?: Pair & { type: WideType };
    codes?: QuantParams & { min: number };
    direct: boolean;
  } | null {
    let direct = true;
    for (let at = name; ;) {
      const pair = this.wide.get(at);
      if (pair) return { pair, direct };
      const node = this.index.producer(at);
      if (!node) return null;
      if (node.opType === 'DequantizeLinear') {
        const codes = this.codesOf(node);
        return codes ? { codes, direct } : null;
      }
      if (!MOVERS.has(node.opType)) return null;
      at = node.input[0]!;
      direct = false;
    }
  }

  /** Scale and zero point of an 8-bit DequantizeLinear with one scale, and the lowest code. */
  private codesOf(node: NodeProto): (QuantParams & { min: number }) | null {
    const scale = this.index.initializer(node.input[1] ?? '');
    const zero = this.index.initializer(node.input[2] ?? '');
    if (!scale || !zero || scale.dims.length > 0) return null;
    const type = tensorType(zero);
    if (type !== 'uint8' && type !== 'int8') return null;
    const zeroPoint = Number((tensorData(zero, this.model.dir) as Uint8Array | Int8Array)[0]);
    return {
      scale: floatData(scale, this.model.dir)[0]!,
      zeroPoint,
      min: codeRange(type).min,
    };
  }

  private parameters(
    tensor: string,
    codes: (QuantParams & { min: number }) | null,
    type: WideType,
  ): Pair {
    const params = codes
      ? {
          scale: codes.scale / 256,
          zeroPoint: (codes.zeroPoint - codes.min) * 256 + codeRange(type).min,
        }
      : this.settings.paramsOf(tensor, type);
    return { ...writeParameters(this.index, `${tensor}_wide`, params, type), params };
  }

  private insertPair(from: string, to: string, pair: Pair, type: WideType, tensor: string): void {
    const codes = this.index.freshName(`${tensor}_${type}`);
    const domain = wideDomain(this.model);
    const linear = (opType: string, input: string, output: string) =>
      makeNode({
        opType,
        domain,
        name: this.index.freshName(`${to}/${opType}`),
        inputs: [input, pair.scale, pair.zeroPoint],
        outputs: [output],
      });
    this.index.insertNode(linear('QuantizeLinear', from, codes));
    this.index.insertNode(linear('DequantizeLinear', codes, to));
    this.wide.set(to, { ...pair, type });
  }

  /** The result keeps its name behind its pair: whoever reads it reads what was rounded. */
  private writeOutput(unit: Unit, type: WideType): void {
    const { output } = unit;
    const producer = this.index.producer(output);
    if (!producer) return;
    const exact = this.index.freshName(`${output}_unrounded`);
    const pair = this.parameters(output, null, type);
    this.index.setOutput(producer, producer.output.indexOf(output), exact);
    this.insertPair(exact, output, pair, type, output);
    this.tensors.set(output, { type, params: pair.params });
  }

  private writeConstant(node: NodeProto, slot: number, type: WideType): void {
    const { index } = this;
    const tensor = index.initializer(node.input[slot]!)!;
    const values = floatData(tensor, this.model.dir);
    const { min, max } = new Moments().add(values);
    const params = chooseParams(min, max, type);
    const codes = index.addInitializer(
      makeTensor(
        index.freshName(`${tensor.name}_${type}`),
        type,
        tensorDims(tensor),
        quantizeArray(values, params, type),
      ),
    );
    const { scale, zeroPoint } = writeParameters(index, `${tensor.name}_wide`, params, type);
    const output = index.freshName(`${tensor.name}_wide`);
    index.insertNode(
      makeNode({
        opType: 'DequantizeLinear',
        domain: wideDomain(this.model),
        name: index.freshName(`${output}/DequantizeLinear`),
        inputs: [codes, scale, zeroPoint],
        outputs: [output],
      }),
    );
    index.setInput(node, slot, output);
  }

  private writeWeights(
    unit: Unit,
    node: NodeProto,
    biasName: string | null,
    inputScale: number,
  ): void {
    const settings = this.settings.weightSettings(unit.name);
    const { tensor, slot, axis } = unit.weight!;
    const bias = biasName ? floatData(this.index.initializer(biasName)!, this.model.dir) : null;
    const group = intAttribute(unit.node, 'group', 1);
    const { constants } = this;
    const scales = constants.scales(tensor, axis, settings, inputScale, bias, group);
    attach(
      this.index,
      node,
      slot,
      constants.weight(tensor, axis, settings, scales),
      `${unit.name}.weight`,
    );
    if (biasName)
      attach(
        this.index,
        node,
        2,
        constants.bias(biasName, inputScale, scales),
        `${unit.name}.bias`,
      );
  }
}
