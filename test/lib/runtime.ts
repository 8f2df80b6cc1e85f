/** Running small graphs. */
import { expect } from 'vitest';
import { serializeModel, valueType, type Feed, type Model, type TensorValue } from '../../src/onnx';
import { optimizedGraph } from '../../src/runtime/optimized';
import { Session, type SessionSettings } from '../../src/runtime/session';
import { openTapped } from '../../src/runtime/taps';
import { randomValues } from './graph';

/** A float32 value. */
export function value(dims: readonly number[], data: ArrayLike<number>): TensorValue {
  return { type: 'float32', dims: [...dims], data: Float32Array.from(data) };
}

/** Random values for every float input, of its declared shape; open dims are 1. */
export function randomFeed(model: Model, seed = 1, low = -1, high = 1): Feed {
  return Object.fromEntries(
    model.graph.input.map((info) => {
      const dims = (valueType(info).shape ?? []).map((d) => (typeof d === 'number' ? d : 1));
      const count = dims.reduce((a, b) => a * b, 1);
      return [info.name, value(dims, randomValues(count, `${info.name}${seed}`, low, high))];
    }),
  );
}

/** Several of them. */
export const randomFeeds = (model: Model, count: number, low = -1, high = 1): Feed[] =>
  Array.from({ length: count }, (_, i) => randomFeed(model, i + 1, low, high));

/** Outputs of a model, by name. */
export async function outputs(
  model: Model | Uint8Array,
  feed: Feed,
  settings: SessionSettings = {},
): Promise<Record<string, TensorValue>> {
  const bytes = model instanceof Uint8Array ? model : serializeModel(model);
  const session = await Session.open(bytes, settings);
  try {
    return await session.run(feed);
  } finally {
    await session.release();
  }
}

/** The first output's values. */
export async function output(model: Model, feed: Feed, settings: SessionSettings = {}) {
  const all = await outputs(model, feed, settings);
  return all[model.graph.output[0]!.name]!.data as Float32Array;
}

/** Inner tensors on one feed. */
export async function tensors(model: Model, names: readonly string[], feed: Feed) {
  const { session, tapped } = await openTapped(model, names);
  try {
    return await session.run(feed, tapped);
  } finally {
    await session.release();
  }
}

/** Operators that the runtime executes, in order, without those of no interest. */
export async function executedOps(model: Model | Uint8Array): Promise<string[]> {
  const bytes = model instanceof Uint8Array ? model : serializeModel(model);
  const optimized = await optimizedGraph(bytes);
  return optimized.graph.node.map((n) => n.opType);
}

/** Largest |a − b| over the largest |b|. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i]! - b[i]!);
    if (!(d <= difference)) difference = d; // a NaN is the largest difference of all
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return a.length === b.length ? difference / (largest || 1) : Infinity;
}

/** Fails unless both models give the same outputs on random data. */
export async function expectSameFunction(after: Model, before: Model, tolerance = 1e-5) {
  const feed = randomFeed(before);
  const [a, b] = [await outputs(after, feed), await outputs(before, feed)];
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const [name, { data, dims }] of Object.entries(b)) {
    expect(a[name]!.dims).toEqual(dims);
    const difference = relativeDifference(a[name]!.data as Float32Array, data as Float32Array);
    expect(difference, name).toBeLessThanOrEqual(tolerance);
  }
}
