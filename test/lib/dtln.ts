/** DTLN streamed over speech, as its authors' real-time script does it: two models that pass their states on. */
import { readFileSync } from 'node:fs';
import type { Feed, TensorValue } from '../../src/onnx';
import type { Session } from '../../src/runtime/session';
import { sharedFile } from './shared';

const [BLOCK, SHIFT, BINS] = [512, 128, 257];
const STATE = [1, 2, 128, 2];

/** Both models, in the order in which sound goes through them. */
export const DTLN = ['models/dtln_1.onnx', 'models/dtln_2.onnx'] as const;

/** Samples of a 16-bit mono WAV file, −1 … 1. */
export function readWav(file: string): Float32Array {
  const bytes = readFileSync(file);
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32LE(at + 4);
    if (bytes.toString('latin1', at, at + 4) === 'data') {
      const count = Math.min(size, bytes.length - at - 8) >> 1;
      return Float32Array.from(
        { length: count },
        (_, i) => bytes.readInt16LE(at + 8 + 2 * i) / 32768,
      );
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${file} has no samples`);
}

/** The noisy speech that the models clean. */
export const noisySpeech = () => readWav(sharedFile('data', 'audio', 'gtcrn_mix.wav'));

/** Sound that went through both models, and what each read in every block. */
export interface Streamed {
  sound: Float32Array;
  feeds: readonly [Feed[], Feed[]];
}

/** Streams sound through both models. @param record keep what every block of the models read */
export async function stream(
  first: Session,
  second: Session,
  sound: Float32Array,
  record = false,
): Promise<Streamed> {
  const blocks = Math.floor((sound.length - (BLOCK - SHIFT)) / SHIFT);
  const input = new Float64Array(BLOCK);
  const output = new Float64Array(BLOCK);
  const result = new Float32Array(sound.length);
  const feeds: Streamed['feeds'] = [[], []];
  let states = [zeros(STATE), zeros(STATE)] as [TensorValue, TensorValue];
  for (let b = 0; b < blocks; b++) {
    input.copyWithin(0, SHIFT);
    input.set(sound.subarray(b * SHIFT, (b + 1) * SHIFT), BLOCK - SHIFT);
    const { re, im } = fft(input, new Float64Array(BLOCK), false);
    const size = Float32Array.from({ length: BINS }, (_, k) => Math.hypot(re[k]!, im[k]!));
    const one = { input_2: value([1, 1, BINS], size), input_3: states[0] };
    const mask = await first.run(one);
    const gain = mask[first.outputs[0]!]!.data as Float32Array;
    const masked = (part: Float64Array) =>
      part.map((v, k) => v * gain[k <= BLOCK / 2 ? k : BLOCK - k]!);
    const back = fft(masked(re), masked(im), true).re;
    const two = { input_4: value([1, 1, BLOCK], Float32Array.from(back)), input_5: states[1] };
    const cleaned = await second.run(two);
    const block = cleaned[second.outputs[0]!]!.data as Float32Array;
    states = [mask[first.outputs[1]!]!, cleaned[second.outputs[1]!]!];
    if (record) {
      feeds[0].push(one);
      feeds[1].push(two);
    }
    output.copyWithin(0, SHIFT).fill(0, BLOCK - SHIFT);
    for (let i = 0; i < BLOCK; i++) output[i] = output[i]! + block[i]!;
    result.set(output.subarray(0, SHIFT), b * SHIFT);
  }
  return { sound: result, feeds };
}

function value(dims: number[], data: Float32Array): TensorValue {
  return { type: 'float32', dims, data };
}

function zeros(dims: number[]): TensorValue {
  return value(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
}

/** Radix-2 Fourier transform of a power of two; the inverse is divided by the length. */
function fft(
  real: Float64Array,
  imaginary: Float64Array,
  inverse: boolean,
): { re: Float64Array; im: Float64Array } {
  const n = real.length;
  const [re, im] = [Float64Array.from(real), Float64Array.from(imaginary)];
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  for (let length = 2; length <= n; length <<= 1) {
    const angle = ((inverse ? 2 : -2) * Math.PI) / length;
    for (let start = 0; start < n; start += length)
      for (let k = 0; k < length / 2; k++) {
        const [c, s] = [Math.cos(angle * k), Math.sin(angle * k)];
        const [a, b] = [start + k, start + k + length / 2];
        const tr = re[b]! * c - im[b]! * s;
        const ti = re[b]! * s + im[b]! * c;
        [re[b], im[b]] = [re[a]! - tr, im[a]! - ti];
        [re[a], im[a]] = [re[a]! + tr, im[a]! + ti];
      }
  }
  if (inverse) for (const part of [re, im]) part.forEach((v, i) => (part[i] = v / n));
  return { re, im };
}
