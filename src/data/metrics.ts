import { VernierError } from '../errors';
import { ClosenessAccumulator } from '../numeric/closeness';
import type { BuiltInMetric } from '../results';
import { toFloat32 } from './cast';
import type { Label } from './labels';
import type { TensorValue } from './source';

/** What a metric judges: an output, and what it should have been. */
export interface Judged {
  output: TensorValue;
  /** Null where the data has no labels. */
  label: Label | null;
  /** The FP32 model's output for the same sample (the output itself, when FP32 is judged). */
  reference: TensorValue;
}

const HIGHER: ReadonlySet<BuiltInMetric> = new Set(['top1', 'top5', 'agreement', 'sqnr']);

/** True if a larger value is the better one. */
export function higherIsBetter(metric: BuiltInMetric): boolean {
  return HIGHER.has(metric);
}

/** True if a metric compares with labels, not with FP32. */
export function needsLabels(metric: BuiltInMetric): boolean {
  return metric !== 'agreement' && metric !== 'sqnr';
}

/**
 * The value of a metric on one sample; the result over many is their mean, and paired values of two models go
 * into the bootstrap.
 *
 * | metric | value |
 * |---|---|
 * | `top1` | 1 where the largest score is the label's, else 0; the mean over the positions of a sequence |
 * | `top5` | 1 where fewer than five scores are above the label's, else 0; the mean over the positions of a sequence |
 * | `cross-entropy` | −ln of the label's probability in nats; the mean over the positions of a sequence |
 * | `mse`, `mae` | mean of the squared, of the absolute difference to the target |
 * | `agreement` | 1 where the largest score is at the same place as in FP32 |
 * | `sqnr` | SQNR against FP32 in dB, ±150 (of this sample: the mean of these is not the SQNR over all) |
 *
 * Scores are taken along the last axis, a row for each label: `[1, C]` with one label, `[1, T, C]` with T; with
 * one label (for agreement: where only one axis is longer than 1) a whole output of any shape is one row. The cross-entropy takes rows that are nowhere negative and sum to 1
 * (±0.001) *in FP32* as probabilities (at least 1e-7), all others as logits: a quantized softmax need not sum to 1.
 * @throws VernierError `data.labels` where labels are missing, of another kind or number, or no class of the output.
 */
export function perSample(metric: BuiltInMetric, { output, label, reference }: Judged): number {
  const values = toFloat32(output.data, output.type);
  const exact = toFloat32(reference.data, reference.type);
  switch (metric) {
    case 'sqnr':
      return new ClosenessAccumulator().add(exact, values).sqnrDb;
    case 'agreement': {
      const several = output.dims.filter((dim) => dim > 1).length > 1;
      const width = several ? output.dims.at(-1)! : values.length;
      const rows = values.length / width;
      return mean(rows, (row) => {
        const [from, to] = [row * width, (row + 1) * width];
        return argmax(values, from, to) === argmax(exact, from, to) ? 1 : 0;
      });
    }
    case 'top1':
    case 'top5': {
      const { classes, width } = classRows(values, label, metric);
      const most = metric === 'top1' ? 1 : 5;
      if (most > 1 && width <= most) throw alwaysRight(metric, width);
      return mean(classes.length, (row) =>
        rank(values.subarray(row * width, (row + 1) * width), classes[row]!) < most ? 1 : 0,
      );
    }
    case 'cross-entropy': {
      const { classes, width } = classRows(values, label, metric);
      const loss = isProbability(exact, width) ? lossOfProbability : lossOfLogits;
      return mean(classes.length, (row) =>
        loss(values.subarray(row * width, (row + 1) * width), classes[row]!),
      );
    }
    case 'mse':
    case 'mae': {
      const target = targetsOf(values, label, metric);
      return mean(target.length, (i) => {
        const difference = Math.abs(values[i]! - target[i]!);
        return metric === 'mse' ? difference * difference : difference;
      });
    }
  }
}

/** True if every row of scores is a distribution: nowhere negative, and 1 in sum (±0.001). */
export function isProbability(values: Float32Array, width: number): boolean {
  for (let from = 0; from < values.length; from += width) {
    let sum = 0;
    for (let i = from; i < from + width; i++) {
      if (!(values[i]! >= 0)) return false;
      sum += values[i]!;
    }
    if (!(Math.abs(sum - 1) <= 1e-3)) return false;
  }
  return true;
}

function lossOfProbability(row: Float32Array, label: number): number {
  return -Math.log(Math.max(row[label]!, 1e-7));
}

function lossOfLogits(row: Float32Array, label: number): number {
  let max = -Infinity;
  for (const value of row) if (value > max) max = value;
  let sum = 0;
  for (const value of row) sum += Math.exp(value - max);
  return Math.log(sum) + max - row[label]!;
}

/** Index of the largest value, the first of equal ones, −1 if all are NaN, counted from `from`. */
function argmax(values: Float32Array, from: number, to: number): number {
  let best = -1;
  let max = -Infinity;
  for (let i = from; i < to; i++)
    if (values[i]! > max || (best < 0 && values[i] === max)) {
      max = values[i]!;
      best = i - from;
    }
  return best;
}

/** How many scores come before that of a class: larger ones, and equal ones before it; NaN comes after all. */
function rank(scores: Float32Array, label: number): number {
  const own = scores[label]!;
  if (Number.isNaN(own)) return scores.length;
  let before = 0;
  for (const [i, score] of scores.entries())
    if (score > own || (score === own && i < label)) before++;
  return before;
}

function alwaysRight(metric: BuiltInMetric, classes: number): VernierError {
  return new VernierError(
    'data.labels',
    `The metric ${metric} says nothing of an output with ${classes} scores: any of them is among the best five.`,
    { remedy: 'Use metric: top1.' },
  );
}

function classRows(values: Float32Array, label: Label | null, metric: BuiltInMetric) {
  if (label?.kind !== 'class') throw wrongLabels(metric, label, 'class numbers');
  const classes = label.values;
  const width = values.length / classes.length;
  if (!Number.isInteger(width))
    throw new VernierError(
      'data.labels',
      `${values.length} scores cannot be judged by ${classes.length} labels.`,
      { remedy: 'Give one label for each row of scores.' },
    );
  for (const value of classes)
    if (value < 0 || value >= width)
      throw new VernierError(
        'data.labels',
        `The label ${value} is no class of an output with ${width} scores.`,
        { remedy: `Give class numbers from 0 to ${width - 1}.` },
      );
  return { classes, width };
}

function targetsOf(values: Float32Array, label: Label | null, metric: BuiltInMetric) {
  if (!label) throw wrongLabels(metric, label, 'target values');
  if (label.values.length !== values.length)
    throw new VernierError(
      'data.labels',
      `The output has ${values.length} values, and its label ${label.values.length}.`,
      { remedy: 'Give targets of the shape of the output.' },
    );
  return label.values;
}

function wrongLabels(metric: BuiltInMetric, label: Label | null, wanted: string): VernierError {
  return new VernierError(
    'data.labels',
    `The metric ${metric} needs ${wanted}, and the data has ${label ? 'target values' : 'no labels'}.`,
    { remedy: 'Give labels: in the recipe, or another metric (agreement needs none).' },
  );
}

function mean(n: number, value: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += value(i);
  return n > 0 ? sum / n : 0;
}
