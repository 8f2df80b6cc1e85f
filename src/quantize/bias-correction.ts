import { channelLayout, dequantizePerChannel, quantizeArray, type QuantParams } from '../numeric';
import {
  floatData,
  GraphIndex,
  intAttribute,
  makeInts,
  makeNode,
  makeTensor,
  tensorDims,
  type Feed,
  type Model,
} from '../onnx';
import { openTapped } from '../runtime/taps';
import { NodeRunner, type Stored } from './node-runner';
import type { ParamsOf } from './parameters';
import { isRecurrent } from './recurrent';
import type { Placement, UnitPlacement } from './placement';
import type { Unit } from './units';
import { ConstantWriter, type WeightSettings } from './weights';

/** What correction did to one layer. */
export interface BiasChange {
  /** Root mean square over channels of the shift of the mean on samples that were held back, before and after. */
  before: number;
  after: number;
  /** False where the held-back samples did not agree: the bias stays as it was. */
  kept: boolean;
}

/** Corrected biases by layer, and what was found. */
export interface CorrectedBiases {
  biases: Map<string, Float32Array>;
  changes: Map<string, BiasChange>;
}

export interface CorrectionSettings {
  paramsOf: ParamsOf;
  activationType: 'uint8' | 'int8';
  weightSettings(unit: string): WeightSettings;
  /** Called after each node. */
  onNode?(done: number, total: number): void | Promise<void>;
}

/** One sample in this many is held back to judge a correction. */
const HELD_BACK = 4;

/**
 * Empirical bias correction (Nagel et al. 2019, *Data-Free Quantization*, §4.2, with data): rounding shifts the mean
 * of a layer's output, and after a Relu the shifts add up. In graph order, each integer layer runs on what the layers
 * before it, already corrected and quantized, give; the difference of its mean output per channel to FP32 goes into
 * its bias. A correction is kept only if samples that did not make it agree.
 *
 * 1. One pass of the FP32 model gives the mean output of every layer, before its activation.
 * 2. The quantized model is walked node by node, all samples at a time, so that every layer runs once.
 * Layers without a place for a bias (MatMul without an Add) stay as they are: an Add would cost time.
 * @param samples few enough to keep one activation of each in memory
 */
export async function correctBiases(
  prepared: Model,
  placement: Placement,
  samples: readonly Feed[],
  settings: CorrectionSettings,
): Promise<CorrectedBiases> {
  const index = new GraphIndex(prepared.graph);
  const targets = placement.units.filter((p) => p.integer && takesBias(p.unit)).map((p) => p.unit);
  const exact = await meanOutputs(prepared, targets, samples);
  const walk = new Walk(prepared, placement, samples, settings);
  const byNode = new Map(targets.map((u) => [u.node, u]));
  const biases = new Map<string, Float32Array>();
  const changes = new Map<string, BiasChange>();
  const total = prepared.graph.node.length;
  for (const [i, node] of prepared.graph.node.entries()) {
    const unit = byNode.get(node);
    const outputs = await walk.run(node);
    if (unit) {
      const y = outputs[0]!;
      const { delta, change } = correction(exact.get(unit.name)!, y, channelAxis(unit));
      changes.set(unit.name, change);
      if (change.kept) {
        for (const sample of y) addPerChannel(sample, channelAxis(unit), delta);
        biases.set(unit.name, addTo(biasOf(index, prepared.dir, unit), delta));
      }
    }
    walk.store(node, outputs);
    await settings.onNode?.(i + 1, total);
  }
  return { biases, changes };
}

/** True where a bias can change without a further node. */
function takesBias(unit: Unit): boolean {
  if (unit.op === 'Conv' || unit.op === 'Gemm') return true;
  return unit.op === 'MatMul' && unit.biasNode !== null;
}

/** Channel axis of the layer's own output: 1 for images, the last one otherwise. */
function channelAxis(unit: Unit): number {
  return unit.op === 'Conv' ? 1 : -1;
}

/** The bias that a layer has now; null where it has none. */
function biasOf(index: GraphIndex, dir: string | null, unit: Unit): Float32Array | null {
  const name = unit.biasNode
    ? unit.biasNode.input.find((n) => index.isConstant(n))
    : (unit.bias ?? undefined);
  const tensor = name === undefined ? undefined : index.initializer(name);
  return tensor ? floatData(tensor, dir) : null;
}

function addTo(bias: Float32Array | null, delta: Float64Array): Float32Array {
  return Float32Array.from(delta, (d, c) => d + (bias ? bias[bias.length === 1 ? 0 : c]! : 0));
}

/** Mean per channel of each sample's own output, FP32, by layer: `[sample][channel]`. */
async function meanOutputs(
  prepared: Model,
  units: readonly Unit[],
  samples: readonly Feed[],
): Promise<Map<string, Float64Array[]>> {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const taps = new Map<string, string>();
  for (const unit of units) {
    // A product of ones would do too; GlobalAveragePool is an operator of every opset and stays blocked.
    const output = index.freshName(`${unit.name}.mean`);
    taps.set(unit.name, output);
    const own = unit.node.output[0]!;
    if (unit.op === 'Conv')
      index.insertNode(makeNode({ opType: 'GlobalAveragePool', inputs: [own], outputs: [output] }));
    else {
      const axes = index.freshName(`${unit.name}.rows`);
      const flat = index.freshName(`${unit.name}.flat`);
      const channels = outputChannels(index, unit);
      index.addInitializer(
        makeTensor(axes, 'int64', [3], BigInt64Array.of(1n, -1n, BigInt(channels))),
      );
      index.insertNode(makeNode({ opType: 'Reshape', inputs: [own, axes], outputs: [flat] }));
      const swapped = index.freshName(`${unit.name}.swapped`);
      index.insertNode(
        makeNode({
          opType: 'Transpose',
          inputs: [flat],
          outputs: [swapped],
          attributes: [makeInts('perm', [0, 2, 1])],
        }),
      );
      index.insertNode(
        makeNode({ opType: 'GlobalAveragePool', inputs: [swapped], outputs: [output] }),
      );
    }
  }
  const { session } = await openTapped(model, [...taps.values()]);
  const means = new Map<string, Float64Array[]>(units.map((u) => [u.name, []]));
  try {
    for (const feed of samples) {
      const values = await session.run(feed, [...taps.values()]);
      for (const [name, tap] of taps)
        means.get(name)!.push(Float64Array.from(values[tap]!.data as Float32Array));
    }
  } finally {
    await session.release();
  }
  return means;
}

function outputChannels(index: GraphIndex, unit: Unit): number {
  const tensor = index.initializer(unit.weight!.tensor)!;
  return tensorDims(tensor)[unit.weight!.axis ?? 0]!;
}

/** The shift of the mean per channel, from three samples in four, judged by the fourth. */
function correction(
  exact: readonly Float64Array[],
  outputs: readonly Stored[],
  axis: number,
): { delta: Float64Array; change: BiasChange } {
  const got = outputs.map((y) => channelMeans(y, axis));
  const judges = (i: number) => outputs.length >= HELD_BACK && i % HELD_BACK === HELD_BACK - 1;
  const shift = (wanted: (i: number) => boolean) => {
    const sum = new Float64Array(got[0]!.length);
    let n = 0;
    for (const [i, mean] of got.entries()) {
      if (!wanted(i)) continue;
      n++;
      // One sample may be a batch: FP32 means come for each of its rows.
      for (let c = 0; c < sum.length; c++)
        sum[c] = sum[c]! + meanOf(exact[i]!, c, sum.length) - mean[c]!;
    }
    return sum.map((s) => s / Math.max(1, n));
  };
  const delta = shift((i) => !judges(i));
  const held = shift(judges);
  const before = rms(held);
  const after = rms(held.map((h, c) => h - delta[c]!));
  return { delta, change: { before, after, kept: after < before } };
}

function meanOf(values: Float64Array, channel: number, channels: number): number {
  let sum = 0;
  for (let i = channel; i < values.length; i += channels) sum += values[i]!;
  return (sum * channels) / values.length;
}

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / Math.max(1, values.length));
}

function channelMeans({ data, dims }: Stored, axis: number): Float64Array {
  const { outer, channels, inner } = channelLayout(dims, axis < 0 ? dims.length - 1 : axis);
  const values = data as Float32Array;
  const sums = new Float64Array(channels);
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += values[at++]!;
      sums[c] = sums[c]! + sum;
    }
  return sums.map((s) => s / (outer * inner));
}

function addPerChannel({ data, dims }: Stored, axis: number, delta: Float64Array): void {
  const { outer, channels, inner } = channelLayout(dims, axis < 0 ? dims.length - 1 : axis);
  const values = data as Float32Array;
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < inner; k++, at++) values[at] = values[at]! + delta[c]!;
}

/** The quantized model, walked node by node with all samples at a time. */
class Walk {
  private readonly runner: NodeRunner;
  private readonly writer: ConstantWriter;
  private readonly index: GraphIndex;
  private readonly placed: ReadonlyMap<Unit['node'], UnitPlacement>;

  constructor(
    private readonly prepared: Model,
    private readonly placement: Placement,
    samples: readonly Feed[],
    private readonly settings: CorrectionSettings,
  ) {
    this.placed = new Map(placement.units.map((p) => [p.unit.node, p]));
    const scratch = prepared.copy();
    this.index = new GraphIndex(scratch.graph);
    this.writer = new ConstantWriter(scratch, this.index);
    this.runner = new NodeRunner(prepared, samples);
    for (const input of prepared.graph.input) this.quantize(input.name);
  }

  /**
   * Outputs of a node, sample by sample; weights of integer layers are rounded as they will be written. Recurrent layers
   * run with rounded inputs and exact weights: their rounding is inside the cell, which runs as one node here.
   */
  run(node: Unit['node']): Promise<Stored[][]> {
    const placed = this.placed.get(node);
    const rounded =
      placed?.integer && placed.unit.weight && !isRecurrent(node)
        ? this.roundedWeight(placed.unit)
        : undefined;
    return this.runner.run(node, rounded, placed?.integer === true);
  }

  /** Keeps what a node gave, rounded where the model quantizes it. */
  store(node: Unit['node'], outputs: Stored[][]): void {
    this.runner.store(node, outputs);
    for (const output of node.output) this.quantize(output);
  }

  private quantize(tensor: string): void {
    const root = this.placement.quantized.get(tensor);
    // with a scale for every channel rounding is finer than what this is about
    if (root === undefined || this.placement.channelwise.has(tensor)) return;
    const params = this.settings.paramsOf(root);
    const shipped = this.placement.shipped.has(tensor);
    const rounded = (value: Stored) => round(value, params, this.settings.activationType);
    this.runner.round(tensor, rounded, shipped);
  }

  private roundedWeight(unit: Unit): { slot: number; values: Float32Array } {
    const { tensor, slot, axis } = unit.weight!;
    const settings = this.settings.weightSettings(unit.name);
    const input = unit.inputs[0]!;
    const scale = this.settings.paramsOf(this.placement.quantized.get(input) ?? input).scale;
    const bias =
      unit.bias && !settings.floatBias
        ? floatData(this.index.initializer(unit.bias)!, this.prepared.dir)
        : null;
    const group = intAttribute(unit.node, 'group', 1);
    const scales = this.writer.scales(tensor, axis, settings, scale, bias, group);
    const constant = this.writer.weight(tensor, axis, settings, scales);
    const codes = this.index.initializer(constant.codes)!;
    const dims = tensorDims(codes);
    const params: QuantParams[] = Array.from(scales, (s) => ({ scale: s, zeroPoint: 0 }));
    const raw = new Int8Array(codes.rawData.buffer, codes.rawData.byteOffset, codes.rawData.length);
    const values =
      constant.axis === null
        ? dequantizePerChannel(raw, [1, raw.length], 0, params)
        : dequantizePerChannel(raw, dims, constant.axis, params);
    return { slot, values };
  }
}

/** A value after QuantizeLinear and DequantizeLinear. */
function round(value: Stored, params: QuantParams, type: 'uint8' | 'int8'): Stored {
  if (!(value.data instanceof Float32Array)) return value;
  return { ...value, data: quantizeArray(value.data, params, type), params };
}
