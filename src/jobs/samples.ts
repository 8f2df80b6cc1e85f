import path from 'node:path';
import {
  openData,
  openLabels,
  spread,
  type Feed,
  type Held,
  type InputHint,
  type Labels,
  type SampleSource,
} from '../data';
import type { ResolvedImage } from '../recipe/defaults';
import { keyOf } from './keys';
import type { Memory } from './memory';
import type { Subject } from './subject';
import type { Plan } from './plan';

/** Samples by their index in a source. */
export interface Selection {
  source: SampleSource;
  indices: number[];
  labels: Labels | null;
  /** Hash of contents and selection. */
  key: string;
}

/** What a job calibrates and evaluates on. */
export interface Samples {
  calibration: Selection | null;
  evaluation: (Selection & { heldBack: boolean }) | null;
  /** Samples of the evaluation that are calibrated on too: on these every range fits. */
  shared: number;
}

/** Fewer calibration samples than this are not split to hold some back. */
const ENOUGH_TO_SPLIT = 10;

/**
 * Opens the recipe's data. Without `evaluate:`, calibration data that is not used, or else every fifth sample, is
 * held back to evaluate on; below ten samples the calibration set itself serves, which is said.
 * Throws `data.*`.
 */
export async function openSamples(plan: Plan, subject: Subject): Promise<Samples> {
  const { recipe, baseDir } = plan;
  const open = (data: string[], image: ResolvedImage, seed: number, samples?: number) =>
    openData({
      data,
      image: imageSettings(image),
      seed,
      baseDir,
      inputs: subject.inputs,
      inputShapes: inputHints(plan),
      ...(samples === undefined ? {} : { samples }),
    });
  let calibration: Selection | null = null;
  let rest: number[] = [];
  if (recipe.calibration && recipe.calibration.data.length > 0) {
    const { data, image, seed, samples, random } = recipe.calibration;
    const extra = random && !recipe.evaluate ? Math.ceil(samples / 4) : 0;
    const source = await open(data, image, seed, random ? samples + extra : undefined);
    let indices = spread(source.count, samples);
    if (!recipe.evaluate) {
      const used = new Set(indices);
      rest = spread(source.count).filter((i) => !used.has(i));
      if (rest.length === 0 && indices.length >= ENOUGH_TO_SPLIT) {
        rest = indices.filter((_, i) => i % 5 === 4);
        indices = indices.filter((_, i) => i % 5 !== 4);
      }
    }
    calibration = { source, indices, labels: null, key: await selectionKey(source, indices) };
  }
  if (recipe.evaluate) {
    const { data, image, labels: file, samples } = recipe.evaluate;
    const source = await open(data, image, 1);
    const indices = spread(source.count, samples ?? source.count);
    const all = await openLabels({ ...(file ? { labels: file } : {}), baseDir }, source);
    const labels = all && { kind: all.kind, of: (i: number) => all.of(indices[i]!) };
    const key = await selectionKey(source, indices);
    const evaluation = { source, indices, labels, key, heldBack: false };
    return { calibration, evaluation, shared: countShared(calibration, evaluation) };
  }
  if (!calibration) return { calibration, evaluation: null, shared: 0 };
  const heldBack = rest.length > 0;
  const indices = spread(heldBack ? rest.length : calibration.indices.length, 128).map(
    (i) => (heldBack ? rest : calibration.indices)[i]!,
  );
  const { source } = calibration;
  const key = await selectionKey(source, indices);
  const evaluation = { source, indices, labels: null, key, heldBack };
  return { calibration, evaluation, shared: countShared(calibration, evaluation) };
}

/** Decoded samples are remembered up to so many bytes, which few and many samples fill alike, */
const REMEMBERED_BYTES = 32 << 20;
/** and of those that are read once no more than so many, spread over all: later stages read such again. */
const READ_AGAIN = 64;

interface Remembered {
  key: string;
  bytes: number;
  samples: Map<number, Held>;
  /** What was read at all. */
  seen: Set<number>;
  /** What read them, and knows what there was to say. */
  source: SampleSource | null;
}

/**
 * The same samples, some of them kept in memory once they were read: those that looking at the data and bias correction are
 * likely to read again, and what is read a second time. Of the last selection only.
 */
export async function remembering(selection: Selection, memory: Memory): Promise<Selection> {
  const { source, indices, key } = selection;
  const kept = await memory.get('samples', 'calibration', (): Promise<Remembered> =>
    Promise.resolve({ key: '', bytes: 0, samples: new Map(), seen: new Set(), source: null }),
  );
  if (kept.key !== key)
    Object.assign(kept, { key, bytes: 0, samples: new Map(), seen: new Set(), source });
  const likely = new Set(spread(indices.length, READ_AGAIN).map((position) => indices[position]!));
  const reader = kept.source;
  const sample = async (i: number): Promise<Feed> => {
    if (kept.key !== key) return source.sample(i);
    const known = kept.samples.get(i);
    if (known) return known.feed();
    const again = likely.has(i) || kept.seen.has(i);
    kept.seen.add(i);
    if (!again || kept.bytes >= REMEMBERED_BYTES) return source.sample(i);
    const held = await source.hold(i);
    if (kept.key === key && kept.bytes + held.bytes <= REMEMBERED_BYTES) {
      kept.bytes += held.bytes;
      kept.samples.set(i, held);
    }
    return held.feed();
  };
  const remembered: SampleSource = {
    ...source,
    sample,
    get notes() {
      return reader && reader !== source ? [...reader.notes, ...source.notes] : source.notes;
    },
  };
  return { ...selection, source: remembered };
}

/** `inputs:` of the recipe as data sources want it. */
export function inputHints({ recipe }: Plan): Record<string, InputHint> {
  return Object.fromEntries(
    Object.entries(recipe.inputs).map(([name, { shape, range }]) => [
      name,
      { ...(shape ? { shape } : {}), ...(range ? { range } : {}) },
    ]),
  );
}

/** A sample by the file that it came from. */
export function nameOf({ source, indices }: Selection, position: number): string {
  const { file, index } = source.origin(indices[position]!);
  const name = file === null ? 'random sample' : path.basename(file);
  return index === null ? name : `${name}[${index}]`;
}

/** Samples of `evaluation` that come from the same place as one of `calibration`. */
function countShared(calibration: Selection | null, evaluation: Selection): number {
  const places = ({ source, indices }: Selection) =>
    indices.map((i) => source.origin(i)).map(({ file, index }) => file && `${file} ${index ?? ''}`);
  const seen = new Set(calibration ? places(calibration) : []);
  return places(evaluation).filter((place) => place && seen.has(place)).length;
}

/** The samples of a selection one after the other. */
export async function* eachSample(selection: Selection, most?: number): AsyncGenerator<Feed> {
  for (const i of spread(selection.indices.length, most ?? selection.indices.length))
    yield await selection.source.sample(selection.indices[i]!);
}

async function selectionKey(source: SampleSource, indices: readonly number[]): Promise<string> {
  return keyOf(await source.key(), indices);
}

function imageSettings({ resize, crop, ...image }: ResolvedImage) {
  return {
    ...image,
    mean: image.mean.length === 1 ? image.mean[0]! : image.mean,
    std: image.std.length === 1 ? image.std[0]! : image.std,
    ...(resize === null ? {} : { resize }),
    ...(crop === null ? {} : { crop }),
  };
}
