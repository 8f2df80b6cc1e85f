import type { Feed, TensorData, TensorValue } from '../onnx';
import { noiseDb, OutputSums, type ExactOutputs } from './output-sums';

/** So many samples run together at most: of more, activations leave the processor's cache. */
const MOST_JOINED = 4;
/** And so many bytes of inputs. */
const JOINED_BYTES = 8 << 20;
/** Float32 alone is closer than this, whatever runs beside a sample. */
const SAME_DB = 90;

/** Samples as they are run: `size` of them in each feed, one behind the other along the first axis. */
export interface Joined {
  feeds: readonly Feed[];
  size: number;
}

/** The model does not take samples together: its batch axis is not free, or samples meet. */
export class NotJoined extends Error {}

/**
 * Joins samples of one shape, 1 long on the first axis of every input, as many to a feed as leave no rest. Where there are none
 * such, each is a feed of its own. Whether the model takes them is seen by running it: {@link checkJoined}.
 */
export function joinSamples(feeds: readonly Feed[]): Joined {
  const apart = { feeds, size: 1 };
  const first = Object.entries(feeds[0] ?? {});
  const like = (feed: Feed) =>
    first.every(([name, { type, dims }]) => {
      const other = feed[name];
      return other?.type === type && dims[0] === 1 && dims.join() === other.dims.join();
    });
  if (first.length === 0 || !feeds.every(like)) return apart;
  const bytes = first.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  let size = Math.min(MOST_JOINED, feeds.length, Math.floor(JOINED_BYTES / bytes));
  while (size > 1 && feeds.length % size > 0) size--;
  if (size <= 1) return apart;
  const joined = Array.from({ length: feeds.length / size }, (_, k) =>
    together(feeds.slice(k * size, (k + 1) * size)),
  );
  return { feeds: joined, size };
}

function together(feeds: readonly Feed[]): Feed {
  return Object.fromEntries(
    Object.entries(feeds[0]!).map(([name, { type, dims, data }]): [string, TensorValue] => {
      const Values = data.constructor as new (length: number) => TensorData;
      const all = new Values(data.length * feeds.length);
      for (const [k, feed] of feeds.entries()) all.set(feed[name]!.data as never, k * data.length);
      return [name, { type, dims: [feeds.length, ...dims.slice(1)], data: all }];
    }),
  );
}

/** What each of `size` samples gave, values shared. Throws {@link NotJoined} where the first axis does not hold them. */
export function apart(
  ends: Readonly<Record<string, TensorValue | undefined>>,
  names: readonly string[],
  size: number,
): Readonly<Record<string, TensorValue | undefined>>[] {
  if (size === 1) return [ends];
  return Array.from({ length: size }, (_, k) =>
    Object.fromEntries(
      names.map((name): [string, TensorValue | undefined] => {
        const value = ends[name];
        if (!value) return [name, undefined];
        const [axis = 0, ...others] = value.dims;
        if (axis === 0 || axis % size > 0) throw new NotJoined();
        const each = value.data.length / size;
        const data = value.data.subarray(k * each, (k + 1) * each);
        return [name, { type: value.type, dims: [axis / size, ...others], data }];
      }),
    ),
  );
}

/** Throws {@link NotJoined} where FP32 does not give each of the samples what it gave it alone. */
export function checkJoined(
  samples: readonly Readonly<Record<string, TensorValue | undefined>>[],
  exact: ExactOutputs,
): void {
  for (const [k, got] of samples.entries())
    for (const [name, reference] of Object.entries(exact[k]!)) {
      if (got[name]?.data.length !== reference.length) throw new NotJoined();
      const sums = new OutputSums().add({ [name]: reference }, got);
      if (noiseDb(sums.noise) < SAME_DB) throw new NotJoined();
    }
}
