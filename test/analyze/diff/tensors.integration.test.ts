/** Inner tensors side by side, beside what the runtime gives of each model alone. */
import { describe, expect, it } from 'vitest';
import { tensorErrors, tensorPairs } from '../../../src/analyze/diff/tensors';
import { sqnrDb } from '../../../src/numeric';
import type { Feed, Model } from '../../../src/onnx';
import { recordProvenance } from '../../../src/quantize/provenance';
import { GraphBuilder } from '../../lib/graph';
import { each, quantize } from '../../lib/quantize';
import { randomFeeds, tensors } from '../../lib/runtime';

/** conv1 → relu → conv2 → pool → fc; `n` renames, `gain` makes conv2 louder. */
function net(n: (name: string) => string = (name) => name, gain = 1): Model {
  const b = new GraphBuilder();
  const w = (name: string, dims: number[], scale = 1) =>
    b.constant(
      n(name),
      dims,
      Array.from(
        { length: dims.reduce((x, y) => x * y, 1) },
        (_, i) => scale * Math.sin(i * 3.1 + name.length),
      ),
    );
  b.input('x', [1, 3, 8, 8]);
  const c1 = b.node(n('conv1'), 'Conv', ['x', w('w1', [4, 3, 3, 3])]);
  const c2 = b.node(n('conv2'), 'Conv', [
    b.node(n('relu'), 'Relu', [c1]),
    w('w2', [4, 4, 3, 3], gain),
  ]);
  const pool = b.node(n('pool'), 'GlobalAveragePool', [c2]);
  return b
    .output(b.node(n('fc'), 'Gemm', [b.node(n('flat'), 'Flatten', [pool]), w('w3', [4, 2])]))
    .build();
}

async function alone(a: Model, b: Model, pairs: [string, string][], feeds: Feed[]) {
  const found: number[] = [];
  for (const [x, y] of pairs) {
    let [signal, noise] = [0, 0];
    for (const feed of feeds) {
      const p = (await tensors(a, [x], feed))[x]!.data as Float32Array;
      const q = (await tensors(b, [y], feed))[y]!.data as Float32Array;
      p.forEach((v, i) => {
        signal += v * v;
        noise += (v - q[i]!) ** 2;
      });
    }
    found.push(sqnrDb(signal, noise));
  }
  return found;
}

describe('inner tensors', () => {
  const model = net();
  const feeds = randomFeeds(model, 3);

  it('of a model and itself are equal', async () => {
    const found = await tensorErrors(model, net(), () => each(feeds));
    expect(found.map(({ node, sqnrDb }) => [node, sqnrDb])).toEqual(
      ['conv1', 'relu', 'conv2', 'pool', 'flat', 'fc'].map((node) => [node, 150]),
    );
  });

  it('are found by structure where all names are other ones', async () => {
    const other = net((name) => `other_${name}`, 1.1);
    const found = await tensorErrors(model, other, () => each(feeds));
    expect(found.map(({ a, b }) => [a, b])).toEqual(
      ['conv1', 'relu', 'conv2', 'pool', 'flat', 'fc'].map((n) => [`${n}_out`, `other_${n}_out`]),
    );
    // what is before the louder weight is equal, what is behind a tenth off
    expect(found.map((t) => Math.round(t.sqnrDb))).toEqual([150, 150, 20, 20, 20, 20]);
  });

  it('of a quantized model are read behind their quantizers', async () => {
    const quantized = await quantize(model);
    recordProvenance(quantized.model, model, quantized.prepared, quantized.context);
    const pairs = tensorPairs(model, quantized.model);
    // conv1 runs with its Relu: what it leaves there is relu's
    expect(pairs.map(({ a }) => a)).not.toContain('conv1_out');
    const relu = pairs.find(({ a }) => a === 'relu_out')!;
    expect(relu.readB).not.toBe('relu_out');
    const found = await tensorErrors(model, quantized.model, () => each(feeds));
    const expected = await alone(
      model,
      quantized.model,
      pairs.map(({ readA, readB }) => [readA, readB]),
      feeds,
    );
    expect(found.map(({ a }) => a)).toEqual(pairs.map(({ a }) => a));
    expect(found[0]!.sqnrDb).toBeGreaterThan(30);
    for (const [i, { sqnrDb }] of found.entries()) {
      expect(Math.abs(sqnrDb - expected[i]!)).toBeLessThan(0.5);
    }
  });
});
