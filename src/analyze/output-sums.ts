import { floatsOf } from '../data';
import { sqnrDb } from '../numeric';
import type { TensorValue } from '../onnx';
import type { OutputMeasures } from '../results';
import { isScores } from './evaluate';

/** Signal and noise at the outputs of the model, summed over samples and float outputs. */
export interface OutputNoise {
  signal: number;
  noise: number;
}

/** The exact outputs of every sample, to compare with. */
export type ExactOutputs = readonly Readonly<Record<string, Float32Array>>[];

/** Sums of one float output: Σx², Σ(x−y)², Σxy, Σy². */
interface Sums {
  signal: number;
  noise: number;
  product: number;
  energy: number;
}

/** {@link OutputSums} as plain data, to lie in a cache. */
export interface OutputSumsData {
  outputs: [string, Sums][];
  /** Rows of scores, over which the divergence was summed and labels were compared. */
  rows: number;
  divergence: number;
  same: number;
}

/** How far the outputs of a model are from the exact ones, over as many samples as are added. */
export class OutputSums {
  private readonly sums = new Map<string, Sums>();
  private rows = 0;
  private divergence = 0;
  private same = 0;

  /**
   * Adds one sample. @param got outputs by name; those that are missing, or of another length, are left out
   * @param scores the output that holds scores of classes, where one does
   */
  add(
    exact: Readonly<Record<string, Float32Array>>,
    got: Readonly<Record<string, TensorValue | undefined>>,
    scores: { output: string; width: number } | null = null,
  ): this {
    for (const [name, reference] of Object.entries(exact)) {
      const values = floatsOf(got[name]);
      if (values?.length !== reference.length) continue;
      const before = this.sums.get(name) ?? { signal: 0, noise: 0, product: 0, energy: 0 };
      this.sums.set(name, plus(before, reference, values));
      if (scores?.output === name) this.addRows(reference, values, scores.width);
    }
    return this;
  }

  /** Outputs of different size and scale count alike: each is normalised to its own power. */
  get noise(): OutputNoise {
    return acrossOutputs([...this.sums.values()]);
  }

  get measures(): OutputMeasures {
    const { signal, noise } = this.noise;
    const cosines = [...this.sums.values()].map(({ product, signal: a, energy: b }) =>
      a > 0 && b > 0 ? product / Math.sqrt(a * b) : Number(a === b),
    );
    return {
      sqnrDb: sqnrDb(signal, noise),
      cosine: Math.min(1, ...cosines),
      klNats: this.rows > 0 ? this.divergence / this.rows : null,
      sameLabel: this.rows > 0 ? this.same / this.rows : null,
    };
  }

  toData(): OutputSumsData {
    const { rows, divergence, same } = this;
    return { outputs: [...this.sums], rows, divergence, same };
  }

  static fromData({ outputs, rows, divergence, same }: OutputSumsData): OutputSums {
    const made = new OutputSums();
    for (const [name, sums] of outputs) made.sums.set(name, { ...sums });
    [made.rows, made.divergence, made.same] = [rows, divergence, same];
    return made;
  }

  /** KL divergence of the exact distribution from the other one, in nats, and whether the largest score stays where it was. */
  private addRows(exact: Float32Array, got: Float32Array, width: number): void {
    const { given, probabilities, entropies, labels } = knownRows(exact, width);
    const crossOf = given ? crossOfProbabilities : crossOfLogits;
    for (let row = 0, from = 0; row < labels.length; row++, from += width) {
      this.divergence += entropies[row]! - crossOf(probabilities, got, from, width);
      this.same += Number(largest(got, from, width) === labels[row]);
    }
    this.rows += labels.length;
  }
}

/** Sums of one more pair of arrays; in variables of its own, which are faster than fields. */
function plus(before: Sums, exact: Float32Array, got: Float32Array): Sums {
  let { signal, noise, product, energy } = before;
  for (let k = 0; k < exact.length; k++) {
    const x = exact[k]!;
    const y = got[k]!;
    const d = x - y;
    signal += x * x;
    noise += d * d;
    product += x * y;
    energy += y * y;
  }
  return { signal, noise, product, energy };
}

/** The output that holds scores of classes: the first of `outputs`, where it is a float vector or a sequence of such. */
export function scoresIn(
  values: Readonly<Record<string, TensorValue | undefined>>,
  outputs: readonly string[],
): { output: string; width: number } | null {
  const [output] = outputs;
  const value = output === undefined ? undefined : values[output];
  return value && isScores(value) ? { output: output!, width: value.dims.at(-1)! } : null;
}

/** Sums over outputs, each normalised to its own power. */
export function acrossOutputs(outputs: readonly OutputNoise[]): OutputNoise {
  return outputs.reduce<OutputNoise>(
    (sum, o) => ({
      signal: sum.signal + 1,
      noise: sum.noise + (o.signal > 0 ? o.noise / o.signal : 0),
    }),
    { signal: 0, noise: 0 },
  );
}

/** Noise-to-signal as SQNR in dB. */
export function noiseDb(noise: OutputNoise): number {
  return sqnrDb(noise.signal, noise.noise);
}

/** Probabilities below this count as it: a quantized softmax gives zeros. */
const LEAST = 1e-7;

function isDistribution(values: Float32Array, width: number): boolean {
  for (let from = 0; from + width <= values.length; from += width) {
    let sum = 0;
    for (let i = from; i < from + width; i++) {
      if (!(values[i]! >= 0)) return false;
      sum += values[i]!;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

interface ExactRows {
  /** The scores are probabilities, not logits. */
  given: boolean;
  /** As the rows lie, each of sum 1. */
  probabilities: Float64Array;
  /** By row: Σp·ln p, and where the largest is. */
  entropies: Float64Array;
  labels: Int32Array;
}

/** Exact outputs are compared with again and again. */
const remembered = new WeakMap<Float32Array, ExactRows>();

function knownRows(exact: Float32Array, width: number): ExactRows {
  const known = remembered.get(exact);
  if (known) return known;
  const given = isDistribution(exact, width);
  const rows = Math.floor(exact.length / width);
  const probabilities = new Float64Array(rows * width);
  const entropies = new Float64Array(rows);
  const labels = new Int32Array(rows);
  for (let row = 0, from = 0; row < rows; row++, from += width) {
    const shift = logShift(exact, from, width, given);
    let entropy = 0;
    for (let i = from; i < from + width; i++) {
      const log = logOf(exact[i]!, given) - shift;
      probabilities[i] = Math.exp(log);
      entropy += probabilities[i]! * log;
    }
    entropies[row] = entropy;
    labels[row] = largest(exact, from, width);
  }
  const made = { given, probabilities, entropies, labels };
  remembered.set(exact, made);
  return made;
}

/** Σp·ln q of a row whose q, of sum 1, are given: `got` by its sum, in one go. */
function crossOfProbabilities(
  probabilities: Float64Array,
  got: Float32Array,
  from: number,
  width: number,
): number {
  let [cross, sum] = [0, 0];
  for (let i = from; i < from + width; i++) {
    const given = got[i]!;
    const q = given < LEAST ? LEAST : given; // NaN stays
    sum += q;
    cross += probabilities[i]! * Math.log(q);
  }
  return cross - Math.log(sum);
}

/** The same where `got` are logits. */
function crossOfLogits(
  probabilities: Float64Array,
  got: Float32Array,
  from: number,
  width: number,
): number {
  let cross = -logShift(got, from, width, false);
  for (let i = from; i < from + width; i++) cross += probabilities[i]! * got[i]!;
  return cross;
}

/** What brings a row's probabilities to sum 1, as a logarithm. */
function logShift(values: Float32Array, from: number, width: number, given: boolean): number {
  let sum = 0;
  const to = from + width;
  if (given) {
    for (let i = from; i < to; i++) sum += Math.max(LEAST, values[i]!);
    return Math.log(sum);
  }
  let top = -Infinity;
  for (let i = from; i < to; i++) if (values[i]! > top) top = values[i]!;
  for (let i = from; i < to; i++) sum += Math.exp(values[i]! - top);
  return top + Math.log(sum);
}

function logOf(value: number, given: boolean): number {
  return given ? Math.log(Math.max(LEAST, value)) : value;
}

/** Where the largest value of a row is, counted from the row's beginning. */
function largest(values: Float32Array, from: number, width: number): number {
  let at = from;
  for (let i = from + 1; i < from + width; i++) if (values[i]! > values[at]!) at = i;
  return at - from;
}
