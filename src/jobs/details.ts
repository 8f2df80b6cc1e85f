/** What views pull: one tensor's statistics in full. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { growthOf } from '../analyze/calibration-set/convergence';
import { VernierError } from '../errors';
import { chooseParams } from '../numeric';
import { COHERENT, INDEPENDENT } from '../quantize/clipping-weight';
import { observeAll } from '../quantize/observers';
import { TensorStatistics } from '../quantize/statistics';
import { parseRecipe } from '../recipe/parse';
import { defaults } from '../recipe/defaults';
import type { ObservedRange, ObserverName, RangeDetail, RangeSummary, RunResult } from '../results';
import { FORMAT, type StoredStatistics } from './stages/calibrate-part';
import { Store } from './store';

/** Bars of the histogram in the Ranges view. */
const BINS = 128;

/**
 * Statistics of one tensor from the newest calibration of a recipe, with what every observer would make of them.
 * @param text the recipe's text, where it is not what is on disk
 * @throws VernierError `data.not-found` before any calibration
 */
export async function rangeDetail(
  recipePath: string,
  tensor: string,
  text?: string,
): Promise<RangeDetail> {
  const store = new Store(path.resolve(recipePath));
  const result = await store.read<RunResult>('result');
  const name = await newestCalibration(store);
  const stored = name && (await store.read<StoredStatistics>(name));
  const data =
    stored && stored.format === FORMAT
      ? stored.tensors.find((t) => t.tensor === tensor)
      : undefined;
  if (!data)
    throw new VernierError('data.not-found', `No calibration has seen '${tensor}' yet.`, {
      tensor,
      remedy: 'Calibrate the model.',
    });
  const s = TensorStatistics.fromData(data);
  const summary = result?.ranges.find((r) => r.tensor === tensor);
  const span = Number.isFinite(s.min) && s.max > s.min && s.depth === 'full';
  const bins = span ? s.histogram.rebin(s.min, s.max, BINS) : { edges: [], counts: [] };
  const activations = await activationsOf(recipePath, text);
  const type = summary?.type ?? activations.type ?? 'uint8';
  // what reads the tensor decides how auto weighs clipping: the file tells which it was
  const weighings = [COHERENT, INDEPENDENT].map((clipping) =>
    observeAll(s, type, { ...activations, clipping, read: readOf(summary) }),
  );
  const written = (rows: readonly ObservedRange[]) =>
    summary !== undefined &&
    chosenBy(
      rows.filter(({ name }) => name === 'auto'),
      summary,
    ) === 'auto';
  const observers = weighings.find(written) ?? weighings[0]!;
  return {
    tensor,
    producer: summary?.producer ?? null,
    consumers: summary?.consumers ?? [],
    min: s.min,
    max: s.max,
    scale: summary?.scale ?? null,
    zeroPoint: summary?.zeroPoint ?? null,
    type: summary?.type ?? null,
    channelScales: summary?.channelScales ?? null,
    notFinite: s.notFinite,
    growth: growthOf(s),
    ...(summary?.read && { read: summary.read }),
    outOfRange: summary?.outOfRange ?? null,
    sparkline: summary?.sparkline ?? [],
    observer: summary ? chosenBy(observers, summary, activations.observer) : null,
    observers,
    samples: s.samples,
    edges: bins.edges,
    counts: bins.counts,
    channels: s.channels && { min: Array.from(s.channels.min), max: Array.from(s.channels.max) },
    mean: s.depth === 'full' ? s.moments.mean : null,
    std: s.depth === 'full' ? s.moments.std : null,
  };
}

function readOf(summary: RangeSummary | undefined) {
  const read = summary?.read;
  return read && { min: read.min ?? -Infinity, max: read.max ?? Infinity };
}

/** What the recipe says of activations; nothing where it cannot be read. */
async function activationsOf(recipePath: string, text: string | undefined) {
  const written = text ?? (await readFile(recipePath, 'utf8').catch(() => ''));
  return parseRecipe(written, recipePath).recipe?.quantization?.activations ?? {};
}

/** The observer that gives the parameters in the file: the recipe's own if it does, else the first that does. */
function chosenBy(
  observers: readonly ObservedRange[],
  { scale, zeroPoint, type }: Pick<RangeDetail, 'scale' | 'zeroPoint' | 'type'>,
  wanted: ObserverName = defaults.quantization.activations.observer,
): ObserverName | null {
  if (type === null) return null;
  const fitting = observers.filter(({ min, max }) => {
    const params = chooseParams(min, max, type);
    return params.scale === scale && params.zeroPoint === zeroPoint;
  });
  return (fitting.find(({ name }) => name === wanted) ?? fitting[0])?.name ?? null;
}

async function newestCalibration(store: Store): Promise<string | null> {
  const prefix = path.basename(store.file('calibration')).replace(/json$/, '');
  const files = (await readdir(store.folder).catch(() => [])).filter(
    (f) => f.startsWith(prefix) && f.endsWith('.json'),
  );
  let newest: { name: string; time: number } | null = null;
  for (const f of files) {
    const time = (await stat(path.join(store.folder, f))).mtimeMs;
    if (!newest || time > newest.time) newest = { name: f, time };
  }
  return newest && `calibration.${newest.name.slice(prefix.length, -'.json'.length)}`;
}
