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
      let sum = this.sums.get(name);
      if (!sum) this.sums.set(name, (sum = { signal: 0, noise: 0, product: 0, energy: 0 }));
      for (let k = 0; k < reference.length; k++) {
        const x = reference[k]!;
        const y = values[k]!;
        const d = x - y;
        sum.signal += x * x;
        sum.noise += d * d;
        sum.product += x * y;
        sum.energy += y * y;
      }
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
    const known = knownRows(exact, width);
    for (const [row, { logs, entropy, label }] of known.rows.entries()) {
      const values = got.subarray(row * width, (row + 1) * width);
      let cross = 0;
      const shift = logShift(values, known.given);
      for (let i = 0; i < width; i++)
        cross += Math.exp(logs[i]!) * logOf(values[i]!, shift, known.given);
      this.divergence += entropy - cross;
      this.same += Number(largest(values) === label);
      this.rows++;
    }
  }
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
  /** By row: logarithms of its probabilities, Σp·ln p, and where the largest is. */
  rows: { logs: Float64Array; entropy: number; label: number }[];
}

/** Exact outputs are compared with again and again. */
const remembered = new WeakMap<Float32Array, ExactRows>();

function knownRows(exact: Float32Array, width: number): ExactRows {
  const known = remembered.get(exact);
  if (known) return known;
  const given = isDistribution(exact, width);
  const rows: ExactRows['rows'] = [];
  for (let from = 0; from + width <= exact.length; from += width) {
    const values = exact.subarray(from, from + width);
    const shift = logShift(values, given);
    const logs = Float64Array.from(values, (v) => logOf(v, shift, given));
    const entropy = logs.reduce((sum, log) => sum + Math.exp(log) * log, 0);
    rows.push({ logs, entropy, label: largest(values) });
  }
  const made = { given, rows };
  remembered.set(exact, made);
  return made;
}

/** What brings a row's probabilities to sum 1, as a logarithm. */
function logShift(values: Float32Array, given: boolean): number {
  let sum = 0;
  if (given) {
    for (const v of values) sum += Math.max(LEAST, v);
    return Math.log(sum);
  }
  let top = -Infinity;
  for (const v of values) if (v > top) top = v;
  for (const v of values) sum += Math.exp(v - top);
  return top + Math.log(sum);
}

function logOf(value: number, shift: number, given: boolean): number {
  return (given ? Math.log(Math.max(LEAST, value)) : value) - shift;
}

function largest(values: Float32Array): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[at]!) at = i;
  return at;
}
