/** Puts what stages found into the result. */
import type { Evaluation } from '../analyze/evaluate';
import { convergence, growthOf } from '../analyze/calibration-set/convergence';
import { firstNotFinite } from '../analyze/calibration-set/not-finite';
import { namesAt } from '../analyze/calibration-set/sample-marks';
import { setNotes } from '../analyze/calibration-set/set-notes';
import type { Executed } from '../analyze/executed';
import { layerKind } from '../analyze/kind';
import type { AccumulatedError, LocalError } from '../analyze/layer-errors';
import { noiseDb, type OutputSums } from '../analyze/output-sums';
import type { LayerClipping, PairLayer } from '../analyze/without-vnni';
import { ScopedIndex, tensorDims } from '../onnx';
import { partName } from '../quantize/experiments';
import type { Unit } from '../quantize/units';
import type { LayerResult, OwnResult, Precision, RangeSummary, RunResult } from '../results';
import { runtimeVersion } from '../runtime/session';
import { addNote } from './context';
import { noiseOfDb, noiseShares, ownResultOf } from './noise-shares';
import type { Plan } from './plan';
import { nameOf, type Samples, type Selection } from './samples';
import type { Calibrated } from './stages/calibrate';
import { everyRoot } from '../quantize/place-bodies';
import { resultsOf } from './stages/layers';
import type { Quantized } from './stages/quantize';
import type { TwoPass } from './stages/two-pass';
import type { Subject } from './subject';

/** A layer hurts from this share of the noise on; at most so many do (DESIGN §5). */
const HURTS_SHARE = 0.05;
const MOST_HURTING = 5;
/** Noise over signal at the output below which it is float32's own rounding (110 dB): no layer hurts there. */
const ROUNDING = 1e-11;
/** So many samples are named at a tensor. */
const NAMED = 3;
/** Samples that suffer most are named up to so many. */
const WORST_SAMPLES = 5;
/** Bars of a sparkline. */
const SPARKLINE = 48;

/** The result before anything was measured. */
export function emptyResult(plan: Plan, subject: Subject, recipePath: string): RunResult {
  return {
    format: 1,
    recipe: recipePath,
    model: subject.file,
    output: plan.output,
    mode: plan.recipe.quantization.mode,
    choice: null,
    search: null,
    target: plan.target,
    targetWasAuto: plan.targetWasAuto,
    runtime: {
      name: 'onnxruntime-node',
      version: runtimeVersion(),
      threads: plan.recipe.latency.threads,
    },
    layers: [],
    int8MacShare: null,
    writtenInt8MacShare: null,
    size: null,
    verification: null,
    sqnrDb: {},
    outputs: [],
    evaluatedOn: null,
    worstSamples: [],
    layerSamples: null,
    layerMatch: null,
    latency: null,
    accuracy: null,
    agreement: null,
    withoutVnni: null,
    rounded: null,
    fixed: null,
    fusions: [],
    calibration: null,
    calibrationReport: null,
    ranges: [],
    load: null,
    limits: [],
    seconds: { calibrate: null, quantize: null, analyze: null, evaluate: null },
    notes: [],
    complete: false,
    key: '',
    finishedAt: new Date(0).toISOString(),
  };
}

/** Where the data came from, and every tensor's range; with scales once the model is quantized. */
export function fillCalibration(
  result: RunResult,
  plan: Plan,
  subject: Subject,
  selection: Selection | null,
  calibrated: Calibrated | null,
  quantized?: Quantized,
): void {
  if (!calibrated) return;
  const { imported } = calibrated;
  const settled = convergence(calibrated.statistics);
  const seen = seenBy(selection, calibrated);
  result.calibration = {
    samples: seen?.samples ?? 0,
    source: seen?.source ?? imported?.name ?? '',
    random: (seen?.random ?? false) || (imported?.random ?? false),
  };
  result.calibrationReport = {
    ranges: imported && {
      file: imported.name,
      format: imported.format,
      tensors: [...calibrated.statistics.keys()].filter((t) => imported.ranges.has(t)).length,
    },
    convergence: seen && settled,
    heldBack: result.calibrationReport?.heldBack ?? null,
    likeness: result.calibrationReport?.likeness ?? null,
  };
  const nameAt = namesAt(calibrated.marks);
  const source = calibrated.taken ? null : selection?.source;
  const fileAt = (position: number) => source?.origin(position).file ?? null;
  for (const note of setNotes(calibrated.marks, fileAt)) addNote(result.notes, note);
  const broken = firstNotFinite(subject.prepared, calibrated.statistics, nameAt);
  if (broken) addNote(result.notes, broken);
  result.seconds.calibrate = seen ? calibrated.seconds : null;
  if (seen?.random && !result.notes.some((n) => n.code === 'random-calibration'))
    result.notes.unshift({
      code: 'random-calibration',
      severity: 'warning',
      message:
        'Calibrated on random data: ranges, errors and accuracy say nothing about real inputs.',
      remedy: 'Give real samples: calibration: { data: … }.',
    });
  for (const note of selection?.source.notes ?? []) {
    // what was kept of the samples has told of these, whether they were read again or not
    if (note.code === 'data.not-finite') addNote(result.notes, note);
    else if (!result.notes.some((n) => n.message === note.message)) result.notes.push(note);
  }
  const producers = new Map(subject.units.map((u) => [u.output, u.name]));
  const readers = new Map<string, string[]>();
  for (const unit of subject.units)
    for (const input of new Set(unit.inputs)) {
      const list = readers.get(input);
      if (list) list.push(unit.name);
      else readers.set(input, [unit.name]);
    }
  const roots = quantized?.placement ? everyRoot(quantized.placement) : null;
  result.ranges = [...calibrated.statistics.values()].map((s): RangeSummary => {
    const root = roots?.get(s.tensor);
    const channels = quantized?.codesOf(s.tensor)?.channels ?? null;
    const widest = channels?.reduce((a, b) => (b.scale > a.scale ? b : a));
    const wide = quantized?.wide?.get(s.tensor);
    const narrow = root === undefined ? undefined : (widest ?? quantized!.params.get(root));
    const params = narrow ?? wide?.params;
    const readOf = root === undefined ? undefined : quantized!.params.get(root)?.read;
    const span = Number.isFinite(s.min) && s.max > s.min && s.depth === 'full';
    const given = imported?.ranges.get(s.tensor);
    return {
      tensor: s.tensor,
      producer: producers.get(s.tensor) ?? null,
      consumers: readers.get(s.tensor) ?? [],
      min: s.samples > 0 ? s.min : (given?.min ?? s.min),
      max: s.samples > 0 ? s.max : (given?.max ?? s.max),
      scale: params?.scale ?? null,
      zeroPoint: params?.zeroPoint ?? null,
      type: narrow ? plan.activationType : (wide?.type ?? null),
      channelScales: channels?.map((c) => c.scale) ?? null,
      ...(readOf && { read: { min: finite(readOf.min), max: finite(readOf.max) } }),
      notFinite: s.notFinite,
      ...(s.notFinite > 0 ? { notFiniteIn: s.notFiniteAt.slice(0, NAMED).map(nameAt) } : {}),
      growth: growthOf(s),
      outOfRange: result.ranges.find((r) => r.tensor === s.tensor)?.outOfRange ?? null,
      sparkline: span ? s.histogram.rebin(s.min, s.max, SPARKLINE).counts : [],
    };
  });
}

const finite = (end: number) => (Number.isFinite(end) ? end : null);

/** What calibration saw: the samples behind a file of statistics, else those of the recipe; null without either. */
function seenBy(
  selection: Selection | null,
  { taken }: Calibrated,
): { samples: number; source: string; random: boolean } | null {
  if (taken) return { ...taken, source: `${taken.source}, by ${taken.file}` };
  if (!selection) return null;
  const { source, indices } = selection;
  return { samples: indices.length, source: source.name, random: source.random };
}

/** One row per layer of the original graph. @param found errors of layers by name, as far as they are known */
export function fillLayers(
  result: RunResult,
  subject: Subject,
  quantized: Quantized,
  executed: ReadonlyMap<string, Executed>,
  macs: ReadonlyMap<string, number | null>,
  found: {
    accumulated?: ReadonlyMap<string, AccumulatedError>;
    local?: ReadonlyMap<string, LocalError>;
    expected?: ReadonlyMap<string, number> | null;
    twoPass?: TwoPass | null;
  } = {},
): void {
  const indexes = new ScopedIndex(subject.prepared.graph);
  const own = resultsOf(quantized);
  result.layers = quantized.units.map(({ unit, integer, precision, reason }): LayerResult => {
    const runs = executed.get(unit.name);
    const accumulated = found.accumulated?.get(unit.name);
    const local = found.local?.get(unit.name);
    const kept = quantized.wishes.get(unit.name)?.keep ?? false;
    return {
      name: unit.name,
      op: unit.sourceOp,
      kind: layerKind(indexes.of(unit.body), unit),
      precision: integer ? (precision ?? 'int8') : 'float32',
      executed: runs?.precision ?? null,
      kernel: runs?.kernel ?? null,
      wish: kept ? 'keep' : 'quantize',
      reason:
        integer && runs?.precision === 'float32'
          ? `the runtime executes it in float (${runs.kernel})`
          : (reason ?? (runs ? null : 'it is not seen in the graph that the runtime executes')),
      macs: macs.get(unit.name) ?? null,
      outputShape: accumulated?.dims ?? null,
      local: local?.closeness ?? null,
      accumulated: accumulated?.closeness ?? null,
      noise: noiseOf(local, accumulated, quantized.codesOf(unit.output)),
      localByChannel: local?.byChannel ?? null,
      onlyThisDb: null,
      onlyThis: null,
      expectedDb: found.expected?.get(unit.name) ?? null,
      twoPassDb: found.twoPass?.db?.get(unit.name) ?? null,
      cameIn: found.twoPass?.cameIn.get(unit.name) ?? null,
      ownResult: own.has(unit.name) ? ownResultOf(unit.name, found) : null,
      noiseShare: null,
      noiseShareBy: null,
      costsDb: null,
      clipRate: accumulated?.clipRate ?? null,
      utilisation: accumulated?.utilisation ?? null,
      hurts: false,
      biasShift: quantized.biasChanges.get(unit.name) ?? null,
      withoutVnni: null,
    };
  });
  const total = sum(result.layers.map((l) => l.macs ?? 0));
  const share = (ofLayer: (l: LayerResult) => number) =>
    total > 0 ? sum(result.layers.map((l) => ofLayer(l) * (l.macs ?? 0))) / total : null;
  const products = new Map(
    quantized.units.map(({ unit }) => [unit.name, weightMacs(unit, indexes)]),
  );
  result.int8MacShare = share((l) => {
    const runs = executed.get(l.name);
    const perRow = runs?.onlyWeight ? products.get(l.name) : undefined;
    if (perRow && l.macs && l.outputShape) {
      const rows = l.outputShape.slice(0, -1).reduce((a, b) => a * b, 1);
      return Math.min(1, (perRow * rows) / l.macs);
    }
    return runs?.integerShare ?? Number(isInteger(l.executed));
  });
  result.writtenInt8MacShare = share((l) => Number(isInteger(l.precision)));
}

/** Both noises of a layer; the local one is told in steps of the output quantizer that follows it. */
function noiseOf(
  local: LocalError | undefined,
  accumulated: AccumulatedError | undefined,
  codes: ReturnType<Quantized['codesOf']>,
): LayerResult['noise'] {
  if (!local && !accumulated) return null;
  const scale = codes && !codes.channels ? codes.params.scale : null;
  const rmsePerScale = local && scale !== null && scale > 0 ? local.noise.rmse / scale : null;
  return {
    local: local ? { ...local.noise, rmsePerScale } : null,
    accumulated: accumulated?.noise ?? null,
  };
}

/**
 * Which layers were found again in the written model; who is not is told by name.
 * @param found layers whose output was compared
 */
export function fillMatch(result: RunResult, found: ReadonlyMap<string, unknown>): void {
  const unmatched = result.layers.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const of = result.layers.length;
  result.layerMatch = { found: of - unmatched.length, of, unmatched };
  if (unmatched.length === 0) return;
  const more = unmatched.length - NAMED;
  const named = unmatched.slice(0, NAMED).map((name) => `'${name}'`);
  addNote(result.notes, {
    code: 'layers-unmatched',
    severity: 'warning',
    message: `${unmatched.length} of ${of} layers were not found again in the written model, so that their errors are not known: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`,
    layer: unmatched[0]!,
  });
}

/** Multiply-accumulates of a layer's weight for one row of its input, where it has one. */
function weightMacs({ weight, body }: Unit, indexes: ScopedIndex): number | undefined {
  const tensor = weight && indexes.of(body).initializer(weight.tensor);
  return tensor ? tensorDims(tensor).reduce((a, b) => a * b, 1) : undefined;
}

/** What every layer does on x86 without VNNI; after {@link fillLayers}. */
export function fillPairs(
  result: RunResult,
  pairs: ReadonlyMap<string, PairLayer>,
  clipping?: ReadonlyMap<string, LayerClipping>,
): void {
  for (const layer of result.layers) {
    const found = pairs.get(layer.name);
    if (!found) continue;
    const seen = clipping?.get(layer.name);
    layer.withoutVnni = {
      channels: found.channels,
      canClip: found.canClip,
      clippedShare: seen?.clippedShare ?? (found.canClip === 0 ? 0 : null),
      sqnrDb: seen?.sqnrDb ?? null,
    };
  }
}

/** Accuracy, closeness and agreement. */
export function fillEvaluation(
  result: RunResult,
  evaluation: Evaluation,
  set: NonNullable<Samples['evaluation']>,
): void {
  result.outputs = evaluation.outputs;
  result.sqnrDb = Object.fromEntries(evaluation.outputs.map((o) => [o.name, o.sqnrDb]));
  result.worstSamples = evaluation.sampleDb
    .flatMap((sqnrDb, i) => (sqnrDb === null ? [] : [{ i, sqnrDb }]))
    .sort((a, b) => a.sqnrDb - b.sqnrDb)
    .slice(0, WORST_SAMPLES)
    .map(({ i, sqnrDb }) => ({ sample: nameOf(set, i), sqnrDb }));
  result.accuracy = evaluation.accuracy;
  result.agreement = evaluation.agreement;
  result.evaluatedOn = {
    samples: set.indices.length,
    source: set.source.name,
    heldBack: set.heldBack,
  };
}

/** What each layer alone did to the outputs. */
type Alone = Pick<OutputSums, 'noise'> & Partial<Pick<OutputSums, 'measures'>>;

/** What each layer alone does to the outputs and what keeping it gains, as far as that was run; with it {@link fillNoise}. */
export function fillSensitivity(
  result: RunResult,
  alone: ReadonlyMap<string, Alone>,
  costs: ReadonlyMap<string, number> | null,
): void {
  for (const layer of result.layers) {
    const found = alone.get(layer.name);
    layer.onlyThisDb = found ? noiseDb(found.noise) : null;
    layer.onlyThis = found?.measures ?? null;
    const rounded = alone.get(partName(layer.name, 'result'));
    if (layer.ownResult) layer.ownResult.onlyThisDb = rounded ? noiseDb(rounded.noise) : null;
    layer.costsDb = costs?.get(layer.name) ?? null;
  }
  fillNoise(result, alone);
}

/**
 * Shares of the noise and which layers hurt, from the best stage that there is; after {@link fillLayers}.
 * @param alone what was run; without it estimates are all there is
 */
export function fillNoise(
  result: RunResult,
  alone: ReadonlyMap<string, Alone> = new Map<string, Alone>(),
): void {
  type Estimates = Pick<OwnResult, 'expectedDb' | 'twoPassDb'>;
  const estimates = new Map<string, Estimates>(result.layers.map((layer) => [layer.name, layer]));
  for (const { name, ownResult } of result.layers)
    if (ownResult) estimates.set(partName(name, 'result'), ownResult);
  const inPlay = result.layers.filter((l) => isInteger(l.precision)).map((l) => l.name);
  const own = new Set(result.layers.filter((l) => l.ownResult).map((l) => l.name));
  const found = noiseShares(inPlay, own, {
    exact: (part) => {
      const noise = alone.get(part)?.noise;
      return noise && noise.signal > 0 ? noise.noise / noise.signal : null;
    },
    'two-pass': (part) => noiseOfDb(estimates.get(part)?.twoPassDb),
    analytic: (part) => noiseOfDb(estimates.get(part)?.expectedDb),
  });
  for (const layer of result.layers) {
    const own = found?.layers.get(layer.name);
    layer.noiseShare = own?.share ?? null;
    layer.noiseShareBy = own ? found!.stage : null;
    layer.hurts = false;
  }
  result.layers
    .filter((l) => (l.noiseShare ?? 0) >= HURTS_SHARE)
    // noises that cancel: without this layer's the model is further off
    .filter((l) => (l.costsDb ?? Infinity) > 0)
    .filter((l) => found!.layers.get(l.name)!.power > ROUNDING)
    .sort(
      (a, b) =>
        (b.costsDb ?? -Infinity) - (a.costsDb ?? -Infinity) || b.noiseShare! - a.noiseShare!,
    )
    .slice(0, MOST_HURTING)
    .forEach((l) => (l.hurts = true));
}

/** Says of shares that they are those of some layers only: the time was over, or the others cannot be estimated. */
export function noteShares(result: RunResult): void {
  const inPlay = result.layers.filter((l) => isInteger(l.precision));
  const known = inPlay.filter((l) => l.noiseShare !== null);
  if (known.length === 0 || known.length === inPlay.length) return;
  addNote(result.notes, {
    code: 'shares-of-some',
    severity: 'info',
    message: `Shares of the noise are those of the ${known.length} of ${inPlay.length} layers whose noise is known (${known[0]!.noiseShareBy}).`,
    ...(known[0]!.noiseShareBy === 'exact' && {
      remedy: 'Give more time: sensitivity: { budget_s: … }; what was measured is kept.',
    }),
  });
}

/** True where a layer's products are integer; the rest of its arithmetic need not be. */
function isInteger(precision: Precision | null): boolean {
  return precision === 'int8' || precision === 'int4' || precision === 'mixed';
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}
