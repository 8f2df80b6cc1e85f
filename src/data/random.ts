import { VernierError } from '../errors';
import { toBfloat16Array, toHalfArray } from '../numeric/half';
import { Random } from '../numeric/random';
import type { TensorData } from '../onnx/tensor';
import { fits, wrongShape } from './shapes';
import type { InputHint, InputSpec, RawSource, TensorValue } from './source';

/** Samples of `random` where the recipe gives no number. */
export const RANDOM_SAMPLES = 128;

/** What random data is made of. */
export interface RandomSettings {
  samples: number;
  seed: number;
  /** `inputs:` of the recipe. */
  hints: Readonly<Record<string, InputHint>>;
}

/**
 * Seeded random samples. Floats are standard normal, or even over `range`; integers even over `range`, both ends
 * included, or 0 and 1. A leading open dimension is 1. Sample i depends on the seed and i alone.
 * @throws VernierError `data.open-shape` where another dimension is open and `inputs:` does not fix it,
 * `data.wrong-shape` where it contradicts the model, `data.wrong-type` for inputs that are not numbers.
 */
export function openRandom(
  inputs: readonly InputSpec[],
  { samples, seed, hints }: RandomSettings,
): RawSource {
  const columns = inputs.map((input) => {
    const hint = hints[input.name] ?? {};
    const make = makers[input.type];
    if (!make)
      throw new VernierError(
        'data.wrong-type',
        `Input '${input.name}' is ${input.type}, for which there is no random data.`,
        { tensor: input.name, remedy: 'Give real data.' },
      );
    const dims = closedShape(input, hint);
    return { input, dims, make, range: hint.range, size: dims.reduce((a, b) => a * b, 1) };
  });
  return {
    total: samples,
    random: true,
    files: [],
    settings: { seed, columns: columns.map(({ input, dims, range }) => [input, dims, range]) },
    origin: (index) => ({ file: null, index }),
    async sample(position) {
      const random = new Random(seed, position);
      const feed: Record<string, TensorValue> = {};
      for (const { input, dims, make, range, size } of columns)
        feed[input.name] = { type: input.type, dims, data: make(random, size, range) };
      return feed;
    },
  };
}

function closedShape(input: InputSpec, hint: InputHint): number[] {
  if (hint.shape) {
    if (!fits(hint.shape, input))
      throw wrongShape(
        '',
        input,
        `inputs: gives '${input.name}' the shape [${hint.shape.join(', ')}].`,
        'Give a shape that the model allows.',
      );
    return [...hint.shape];
  }
  return input.shape.map((dim, axis) => {
    if (typeof dim === 'number' && dim > 0) return dim;
    if (axis === 0) return 1;
    throw new VernierError(
      'data.open-shape',
      `Axis ${axis} of input '${input.name}' is open${typeof dim === 'string' ? ` ('${dim}')` : ''}: random data needs its length.`,
      {
        tensor: input.name,
        remedy: `Say it in the recipe: inputs: { ${input.name}: { shape: [${input.shape.map((d, i) => (typeof d === 'number' ? d : i === 0 ? 1 : '…')).join(', ')}] } }.`,
      },
    );
  });
}

type Range = readonly [number, number] | undefined;
type Make = (random: Random, size: number, range: Range) => TensorData;

function floats(random: Random, size: number, range: Range): Float32Array {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = range ? random.uniform(...range) : random.normal();
  return out;
}

function integers<T extends TensorData>(array: new (length: number) => T): Make {
  return (random, size, [low, high] = [0, 1]) => {
    const out = new array(size) as TensorData;
    for (let i = 0; i < size; i++) {
      const value = Math.ceil(low) + random.below(Math.floor(high) - Math.ceil(low) + 1);
      if (out instanceof BigInt64Array || out instanceof BigUint64Array) out[i] = BigInt(value);
      else out[i] = value;
    }
    return out;
  };
}

const makers: Partial<Record<InputSpec['type'], Make>> = {
  float32: floats,
  float64: (random, size, range) => Float64Array.from(floats(random, size, range)),
  float16: (random, size, range) => toHalfArray(floats(random, size, range)),
  bfloat16: (random, size, range) => toBfloat16Array(floats(random, size, range)),
  int8: integers(Int8Array),
  uint8: integers(Uint8Array),
  int16: integers(Int16Array),
  uint16: integers(Uint16Array),
  int32: integers(Int32Array),
  uint32: integers(Uint32Array),
  int64: integers(BigInt64Array),
  uint64: integers(BigUint64Array),
  bool: (random, size) => integers(Uint8Array)(random, size, [0, 1]),
};
