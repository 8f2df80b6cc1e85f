/**
 * Ranges of the open models' own tensors: extremes beside those that the runtime's ReduceMin and ReduceMax find, and observers
 * beside the same computed directly over all values.
 */
import { describe, expect, it } from 'vitest';
import type { Feed, Model } from '../../src/onnx';
import { chooseParams, fakeQuantize } from '../../src/numeric';
import { calibrate } from '../../src/quantize/calibrate';
import { OBSERVERS } from '../../src/quantize/observers';
import { divergences } from '../../src/quantize/observers/entropy';
import { leastErrorRange } from '../../src/quantize/observers/mse';
import type { Range } from '../../src/quantize/observers/observer';
import { prepare } from '../../src/quantize/prepare';
import { openTapped } from '../../src/runtime/taps';
import { GraphBuilder } from '../lib/graph';
import { openModels, openWithFeeds } from '../lib/models';
import { outputs, value } from '../lib/runtime';
import { hasShared } from '../lib/shared';

const SAMPLES = 4;
const BINS = 2048;
const settings = { type: 'uint8', percentile: 99.9 } as const;
/** Tensors of each model, spread over its depth, and values of each at most: computing directly takes its time. */
const TENSORS = 6;
const [LEAST, MOST] = [5000, 400_000];

/** A model of two nodes that the runtime computes. */
function extremes(count: number): Model {
  const g = new GraphBuilder();
  const x = g.input('x', [count]);
  for (const op of ['ReduceMin', 'ReduceMax']) g.output(g.node(op, op, [x], { keepdims: 0 }, [op]));
  return g.build();
}

const width = ({ min, max }: Range) => Math.max(max, 0) - Math.min(min, 0);
/** The larger distance of both ends, as a share of the whole range. */
const apart = (a: Range, b: Range, whole: Range) =>
  Math.max(Math.abs(a.min - b.min), Math.abs(a.max - b.max)) / width(whole);

function directPercentile(values: Float32Array, percent: number): Range {
  const sorted = values.slice().sort();
  const cut = (1 - percent / 100) / 2;
  const at = (p: number) => sorted[Math.round(p * (sorted.length - 1))]!;
  return { min: at(cut), max: at(1 - cut) };
}

/**
 * The least divergence is flat, and that of counts is noisy: within 2 % of the range (bins of the histogram are 1.6 % wide at its
 * end) there has to be a threshold that loses little more than the best of 2048 even bins of |x|, counted from the values.
 */
function expectLeastDivergence(values: Float32Array, { min, max }: Range, got: Range): void {
  const most = Math.max(-min, max);
  const counts = new Float64Array(BINS);
  for (const x of values) counts[Math.min(BINS - 1, Math.floor((Math.abs(x) / most) * BINS))]!++;
  const direct = divergences(counts, min < 0 && max > 0 ? 128 : 256);
  const kept = Math.round((Math.max(-got.min, got.max) / most) * BINS);
  const near = direct.subarray(Math.max(0, kept - BINS / 50), kept + BINS / 50 + 1);
  expect(Math.min(...near)).toBeLessThanOrEqual(1.15 * Math.min(...direct));
}

/** Both ends are those of the least error over all values to 1 %, or, where it is flat, the error is to 0.25 dB. */
function expectLeastError(values: Float32Array, whole: Range, got: Range): void {
  const direct = leastErrorRange(whole.min, whole.max, (range) => squaredError(values, range));
  if (apart(got, direct, whole) <= 0.01) return;
  expect(squaredError(values, got)).toBeLessThanOrEqual(1.06 * squaredError(values, direct));
}

function squaredError(values: Float32Array, { min, max }: Range): number {
  const back = fakeQuantize(values, chooseParams(min, max, 'uint8'), 'uint8');
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - back[i]!) ** 2;
  return sum;
}

/** Float tensors that the model computes, in order. */
async function floats(model: Model, feed: Feed): Promise<string[]> {
  const produced = model.graph.node.flatMap((n) => n.output.filter((o) => o !== ''));
  const { session, tapped } = await openTapped(model, produced);
  const found = await session.run(feed, tapped);
  await session.release();
  return tapped.filter((name) => {
    const data = found[name]?.data;
    return data instanceof Float32Array && data.length > 1 && data.every(Number.isFinite);
  });
}

/** All values of some tensors, in a session that returns just these, as calibration has it. */
async function valuesOf(model: Model, names: string[], feeds: Feed[]) {
  const { session } = await openTapped(model, names);
  const parts = new Map<string, Float32Array[]>(names.map((name) => [name, []]));
  for (const feed of feeds) {
    const found = await session.run(feed, names);
    for (const name of names) parts.get(name)!.push(found[name]!.data as Float32Array);
  }
  await session.release();
  return new Map(
    [...parts].map(([name, list]): [string, Float32Array] => {
      const values = new Float32Array(list.reduce((sum, p) => sum + p.length, 0));
      list.reduce((at, p) => (values.set(p, at), at + p.length), 0);
      return [name, values];
    }),
  );
}

const spread = <T>(list: T[], count: number): T[] =>
  Array.from(
    { length: Math.min(count, list.length) },
    (_, i) => list[Math.floor(((i + 0.5) * list.length) / Math.min(count, list.length))]!,
  );

async function* each(feeds: Feed[]) {
  await Promise.resolve();
  yield* feeds;
}

/** Tensors of candy_style have too many values to compare each of them. */
const models = openModels.filter(({ name }) => name !== 'candy_style');

describe.skipIf(!hasShared)('ranges of', () => {
  it.each(models)('$name', { timeout: 300_000 }, async (open) => {
    const { model: source, feeds } = await openWithFeeds(open, SAMPLES);
    const { model } = await prepare(source);
    const chosen = spread(await floats(model, feeds[0]!), TENSORS);
    const statistics = await calibrate(model, chosen, each(feeds));
    const all = await valuesOf(model, chosen, feeds);
    for (const name of chosen) {
      const values = all.get(name)!;
      const s = statistics.get(name)!;
      const own = await outputs(extremes(values.length), { x: value([values.length], values) });
      const of = (output: string) => (own[output]!.data[0] as number) + 0;
      const whole = { min: of('ReduceMin'), max: of('ReduceMax') };
      expect({ min: s.min + 0, max: s.max + 0 }).toEqual(whole);
      if (values.length < LEAST || values.length > MOST || whole.min === whole.max) continue;
      const percentile = OBSERVERS.percentile(s, settings);
      expect(apart(percentile, directPercentile(values, 99.9), whole), name).toBeLessThan(0.01);
      expectLeastDivergence(values, whole, OBSERVERS.entropy(s, settings));
      expectLeastError(values, whole, OBSERVERS.mse(s, settings));
    }
  });
});
