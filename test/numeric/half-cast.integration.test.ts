/** The half kernels against the runtime's own Cast. */
import { describe, expect, it } from 'vitest';
import { fromBfloat16, fromHalf, Random, toBfloat16Array, toHalfArray } from '../../src/numeric';
import { GraphBuilder } from '../lib/graph';
import { outputs, value } from '../lib/runtime';

const [FLOAT, FLOAT16, BFLOAT16] = [1, 10, 16];

/** Values where rounding is decided: every half, its neighbours in float32, the middles, and random patterns of bits. */
function interesting(decode: (bits: number) => number): Float32Array {
  const values: number[] = [0, -0, Infinity, -Infinity, 65504, 65519.996, 65520, 3.4e38, 1e-45];
  const word = new Uint32Array(1);
  const float = new Float32Array(word.buffer);
  for (let bits = 0; bits < 0x7f80; bits += 7) {
    const [low, high] = [decode(bits), decode(bits + 1)];
    if (!Number.isFinite(high)) break;
    const middle = Math.fround(low + (high - low) / 2);
    float[0] = middle;
    word[0]!++;
    values.push(low, middle, float[0], -middle);
    word[0]! -= 2;
    values.push(float[0]);
  }
  const random = new Random(16);
  for (let i = 0; i < 20000; i++) {
    word[0] = Math.floor(random.uniform(0, 2 ** 32));
    if (!Number.isNaN(float[0])) values.push(float[0]!);
  }
  return Float32Array.from(values);
}

async function cast(values: Float32Array, steps: readonly number[]) {
  const g = new GraphBuilder(13);
  let name = g.input('x', [values.length]);
  for (const [i, to] of steps.entries()) name = g.node(`cast${i}`, 'Cast', [name], { to });
  const model = g.output(name).build();
  model.graph.output[0]!.type = undefined;
  const feed = { x: value([values.length], values) };
  const all = await outputs(model, feed, { optimization: 'disabled' });
  return all[name]!.data;
}

describe('the kernels of half precision', () => {
  it('round to float16 as Cast does, bit by bit', async () => {
    const values = interesting(fromHalf);
    expect(await cast(values, [FLOAT16])).toEqual(toHalfArray(values));
  });

  it('round to bfloat16 as Cast does, ties to even', async () => {
    const values = interesting(fromBfloat16);
    const rounded = (await cast(values, [BFLOAT16, FLOAT])) as Float32Array;
    const ours = Float32Array.from(toBfloat16Array(values), fromBfloat16);
    expect([...rounded].filter((x, i) => !Object.is(x, ours[i]))).toEqual([]);
  });
});
