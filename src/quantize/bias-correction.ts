import { createHash } from 'node:crypto';
import { floatData, GraphIndex, tensorDims, type Feed, type Model } from '../onnx';
import type { Resume } from '../resume';
import { openTapped } from '../runtime/taps';
import type { Balances } from './balance';
import type { BiasChange } from './bias-change';
import { channelAxis, channelMeans, overRows, tapMeans } from './channel-means';
import type { ParamsOf } from './parameters';
import type { Placement } from './placement';
import { RoundedWalk } from './rounded-walk';
import type { Unit } from './units';
import { walkKeys, type WalkMemory, type WalkState } from './walk-memory';
import type { WeightSettings } from './weights';

export type { BiasChange } from './bias-change';

/** Corrected biases by layer, and what was found. */
export interface CorrectedBiases {
  biases: Map<string, Float32Array>;
  changes: Map<string, BiasChange>;
}

/** Mean of every channel of a layer's output before its activation, by layer: `[sample][channel]`. */
export type ExactMeans = ReadonlyMap<string, readonly Float64Array[]>;

/** What is kept of a walk that is under way: where it stands, and the key of that place. */
export interface WalkPart {
  key: string;
  state: WalkState;
}

export interface CorrectionSettings {
  paramsOf: ParamsOf;
  activationType: 'uint8' | 'int8';
  weightSettings(unit: string): WeightSettings;
  balances?: Balances;
  /** FP32's means, where they are known ({@link meanOutputs}). */
  exactMeans?: ExactMeans;
  /** States of earlier walks over the same model and samples, from which this one may go on. */
  walks?: WalkMemory;
  /** Where an earlier walk over the same model and samples, of this placement or of one that begins like it, was cut off. */
  resume?: Resume<WalkPart>;
  /** Called when it is known behind how many nodes this walk begins. */
  onBegin?(done: number, total: number): void | Promise<void>;
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
 * 3. With {@link CorrectionSettings.walks} or `resume` it begins behind the last node up to which an earlier walk was the same.
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
  if (targets.length === 0) return { biases: new Map(), changes: new Map() };
  const exact = settings.exactMeans ?? (await meanOutputs(prepared, targets, samples));
  const walk = new RoundedWalk(prepared, placement, samples, settings);
  const { walks, resume } = settings;
  const keys = walks || resume ? keysOf(prepared, placement, settings) : [];
  const known = furthest(keys, settings);
  if (known) walk.resume(known.state.runner);
  else await walk.begin();
  const byNode = new Map(targets.map((u) => [u.node, u]));
  const found: CorrectedBiases = {
    biases: new Map(known?.state.biases),
    changes: new Map(known?.state.changes),
  };
  const total = prepared.graph.node.length;
  const units = new Set(placement.units.map((p) => p.unit.node));
  const state = (): WalkState => ({
    runner: walk.state(),
    biases: new Map(found.biases),
    changes: new Map(found.changes),
  });
  await settings.onBegin?.(known ? known.at + 1 : 0, total);
  for (const [i, node] of prepared.graph.node.entries()) {
    if (known && i <= known.at) continue;
    const unit = byNode.get(node);
    // before a layer runs, what it reads is codes: behind it, up to its activation, floats of four times the size
    if (i > 0 && units.has(node)) {
      if (unit) walks?.keep(keys[i - 1]!, state());
      if (i - 1 !== known?.at) await resume?.step(() => ({ key: keys[i - 1]!, state: state() }));
    }
    if (unit) {
      const axis = channelAxis(unit);
      const { outputs, means } = await walk.run(node, axis === 1);
      const got =
        axis === 1
          ? means.map((m) => overRows(m, outputs[0]![0]!.dims[1]!))
          : outputs[0]!.map((y) => channelMeans(y, axis));
      const { delta, change } = correction(exact.get(unit.name)!, got);
      found.changes.set(unit.name, change);
      if (change.kept) found.biases.set(unit.name, addTo(biasOf(index, prepared.dir, unit), delta));
      await walk.store(
        node,
        outputs,
        change.kept ? { axis, values: Float32Array.from(delta) } : null,
      );
    } else await walk.pass(node);
    await settings.onNode?.(i + 1, total);
  }
  return found;
}

/** The furthest place at which an earlier walk stood that was the same up to there. */
function furthest(
  keys: readonly string[],
  { walks, resume }: CorrectionSettings,
): { at: number; state: WalkState } | null {
  const remembered = walks?.furthest(keys) ?? null;
  const part = resume?.before;
  const at = part ? keys.lastIndexOf(part.key) : -1;
  return part && at > (remembered?.at ?? -1) ? { at, state: part.state } : remembered;
}

function keysOf(prepared: Model, placement: Placement, settings: CorrectionSettings): string[] {
  const { node, input } = prepared.graph;
  const hash = (text: string) => createHash('sha1').update(text).digest('base64');
  return walkKeys(
    node,
    input.map(({ name }) => name),
    placement,
    settings,
    hash,
  );
}

/** True where a bias can change without a further node. */
export function takesBias(unit: Unit): boolean {
  if (!unit.weight || unit.body) return false;
  if (unit.op === 'Conv' || unit.op === 'Gemm') return true;
  return unit.op === 'MatMul' && unit.biasNode !== null;
}

/** The bias that a layer has now; null where it has none. */
export function biasOf(index: GraphIndex, dir: string | null, unit: Unit): Float32Array | null {
  const name = unit.biasNode
    ? unit.biasNode.input.find((n) => index.isConstant(n))
    : (unit.bias ?? undefined);
  const tensor = name === undefined ? undefined : index.initializer(name);
  return tensor ? floatData(tensor, dir) : null;
}

export function addTo(bias: Float32Array | null, delta: Float64Array): Float32Array {
  return Float32Array.from(delta, (d, c) => d + (bias ? bias[bias.length === 1 ? 0 : c]! : 0));
}

/** Mean per channel of each sample's own output, FP32, by layer: `[sample][channel]`. */
export async function meanOutputs(
  prepared: Model,
  units: readonly Unit[],
  samples: readonly Feed[],
  resume?: Resume<Means>,
): Promise<ExactMeans> {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const taps = new Map<string, string>();
  const channels = channelsOf(index, units);
  for (const unit of units) {
    const output = index.freshName(`${unit.name}.mean`);
    taps.set(unit.name, output);
    tapMeans(index, unit, unit.node.output[0]!, output, channels.get(unit.name)!);
  }
  return readMeans(model, taps, channels, samples, resume);
}

/** Channels of every layer's output. */
export function channelsOf(index: GraphIndex, units: readonly Unit[]): ReadonlyMap<string, number> {
  return new Map(
    units.map(({ name, weight }) => {
      const dims = tensorDims(index.initializer(weight!.tensor)!);
      return [name, dims[weight!.axis ?? 0]!];
    }),
  );
}

/** Means by name, of as many samples as each list is long. */
export type Means = Map<string, Float64Array[]>;

/** Runs a model and reads the means of all taps: `[sample][channel]` by name. */
export async function readMeans(
  model: Model,
  taps: ReadonlyMap<string, string>,
  channels: ReadonlyMap<string, number>,
  samples: readonly Feed[],
  resume?: Resume<Means>,
): Promise<Means> {
  // a model without a place for a bias, such as an LSTM alone, has nothing to read
  if (taps.size === 0) return new Map();
  const { session } = await openTapped(model, [...taps.values()]);
  const means: Means = resume?.before ?? new Map([...taps.keys()].map((name) => [name, []]));
  const done = means.values().next().value!.length;
  try {
    for (const feed of samples.slice(done)) {
      const values = await session.run(feed, [...taps.values()]);
      for (const [name, tap] of taps)
        means.get(name)!.push(overRows(values[tap]!.data as Float32Array, channels.get(name)!));
      await resume?.step(() => means);
    }
  } finally {
    await session.release();
  }
  return means;
}

/** The shift of the mean per channel, from three samples in four, judged by the fourth; both `[sample][channel]`. */
export function correction(
  exact: readonly Float64Array[],
  got: readonly Float64Array[],
): { delta: Float64Array; change: BiasChange } {
  const judges = (i: number) => got.length >= HELD_BACK && i % HELD_BACK === HELD_BACK - 1;
  const shift = (wanted: (i: number) => boolean) => {
    const sum = new Float64Array(got[0]!.length);
    let n = 0;
    for (const [i, mean] of got.entries()) {
      if (!wanted(i)) continue;
      n++;
      for (let c = 0; c < sum.length; c++) sum[c] = sum[c]! + exact[i]![c]! - mean[c]!;
    }
    return sum.map((s) => s / Math.max(1, n));
  };
  const delta = shift((i) => !judges(i));
  const held = shift(judges);
  const before = rms(held);
  const after = rms(held.map((h, c) => h - delta[c]!));
  return { delta, change: { before, after, kept: after < before } };
}

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / Math.max(1, values.length));
}
