import { floatsOf, perSample, type Labels, type Metric, type Scored } from '../data';
import { ClosenessAccumulator, type ClosenessData } from '../numeric';
import type { Feed, TensorValue } from '../onnx';
import type { Resume } from '../resume';
import type { AccuracyResult, OutputCloseness } from '../results';
import type { Session } from '../runtime/session';
import { accuracyOf } from './accuracy';

/** Float32 outputs count as close within `atol + rtol·|reference|`. */
export const TOLERANCE = { atol: 1e-3, rtol: 1e-2 };

/** Samples to evaluate on, with their labels where there are some. */
export interface EvaluationSet {
  count: number;
  sample(i: number): Promise<Feed>;
  labels: Labels | null;
  /** It is a part of one, and may be too small to have a metric. */
  part?: boolean;
  /** What metrics are told of where a sample came from; by default its place in the set. */
  origin?: (i: number) => Pick<Scored, 'index' | 'file'>;
}

/** What a metric gave to each sample in FP32 and quantized. */
export interface Scores {
  before: unknown[];
  after: unknown[];
}

/** What comparing two models on a set found. */
export interface Evaluation {
  outputs: OutputCloseness[];
  accuracy: AccuracyResult | null;
  /** The scores that it is of, by sample. */
  scores: Scores | null;
  agreement: { value: number; n: number } | null;
  /** Lowest SQNR of a float output of each sample, in dB; null where a sample has none to compare. */
  sampleDb: (number | null)[];
}

/** What {@link evaluate} has of the samples before: as many as `sampleDb` is long. */
export interface EvaluationState {
  /** By output. */
  closeness: [string, ClosenessData][];
  /** As in {@link Scores}; empty without a metric. */
  before: unknown[];
  after: unknown[];
  /** Share of each sample's labels that are FP32's, where outputs are scores. */
  same: number[];
  sampleDb: (number | null)[];
}

/** Outputs of the FP32 model, sample by sample. */
export type ReferenceOutputs = (i: number, feed: Feed) => Promise<Record<string, TensorValue>>;

/**
 * Compares the quantized model with FP32 over a set: closeness of every float output over all samples, the metric
 * with a paired interval, and how often both give the same label.
 * @param onSample hears of the samples of this call and those that `resume` has
 * @throws VernierError `data.labels` where the metric does not fit the labels, `metric.*` where one of the user's own fails
 */
export async function evaluate(
  quantized: Session,
  reference: ReferenceOutputs,
  set: EvaluationSet,
  metric: Metric | null,
  onSample?: (done: number) => void | Promise<void>,
  resume?: Resume<EvaluationState>,
): Promise<Evaluation> {
  const begun = resume?.before;
  const closeness = new Map(
    begun?.closeness.map(([name, data]) => [name, ClosenessAccumulator.fromData(data, TOLERANCE)]),
  );
  const before = begun?.before ?? [];
  const after = begun?.after ?? [];
  const same = begun?.same ?? [];
  const sampleDb = begun?.sampleDb ?? [];
  for (let i = sampleDb.length; i < set.count; i++) {
    const feed = await set.sample(i);
    const exact = await reference(i, feed);
    const got = await quantized.run(feed);
    let worst: number | null = null;
    for (const [name, value] of Object.entries(exact)) {
      const [reference, other] = [floatsOf(value), floatsOf(got[name])];
      if (!reference || !other) continue;
      let sum = closeness.get(name);
      if (!sum) closeness.set(name, (sum = new ClosenessAccumulator(TOLERANCE)));
      const own = new ClosenessAccumulator(TOLERANCE).add(reference, other);
      sum.merge(own);
      worst = Math.min(worst ?? own.sqnrDb, own.sqnrDb);
    }
    sampleDb.push(worst);
    const first = quantized.outputs[0]!;
    const [a, b] = [exact[first]!, got[first]!];
    if (metric) {
      const { index, file } = set.origin?.(i) ?? { index: i, file: null };
      const label = set.labels?.of(i) ?? null;
      const sample = { expected: exact, inputs: feed, first, label, index, file };
      before.push(await metric.score({ ...sample, outputs: exact, of: 'the FP32 model' }));
      after.push(await metric.score({ ...sample, outputs: got, of: 'the quantized model' }));
    }
    if (isScores(a)) same.push(perSample('agreement', { output: b, label: null, reference: a }));
    await resume?.step(() => ({
      closeness: [...closeness].map(([name, sum]) => [name, sum.toData()]),
      ...{ before, after, same, sampleDb },
    }));
    await onSample?.(i + 1);
  }
  return {
    outputs: [...closeness].map(([name, sum]) => outputCloseness(name, sum)),
    accuracy: metric ? accuracyOf(metric, before, after, set.part) : null,
    scores: metric ? { before, after } : null,
    agreement:
      same.length > 0
        ? { value: same.reduce((s, x) => s + x, 0) / same.length, n: same.length }
        : null,
    sampleDb,
  };
}

function outputCloseness(name: string, sum: ClosenessAccumulator): OutputCloseness {
  return {
    name,
    sqnrDb: sum.sqnrDb,
    cosine: sum.cosine,
    maxAbs: sum.maxAbs,
    meanAbs: sum.meanAbs,
    within: sum.within,
    ...TOLERANCE,
  };
}

/** True where the first output looks like scores of classes: one or more rows of 2 … 100,000 values. */
export function isScores({ type, dims, data }: TensorValue): boolean {
  const width = dims.at(-1) ?? 0;
  const rows = data.length / width;
  return (
    (type === 'float32' || type === 'float16') &&
    dims.length <= 3 &&
    width > 1 &&
    width <= 100_000 &&
    (dims.length <= 2 ? rows === 1 : true)
  );
}
