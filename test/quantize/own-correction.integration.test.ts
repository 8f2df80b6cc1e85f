import { describe, expect, it } from 'vitest';
import { correctAlone } from '../../src/quantize/own-correction';
import { onlyThisModel } from '../../src/quantize/experiments';
import type { Feed, Model } from '../../src/onnx';
import { GraphBuilder } from '../lib/graph';
import { quantizeReady, ready } from '../lib/quantize';
import { output, randomFeeds } from '../lib/runtime';

/** Few weights beside one that is a hundred times as large: rounding them shifts the mean. */
function rough(g: GraphBuilder, name: string, dims: number[]): string {
  const count = dims.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: count }, (_, i) => (i === 0 ? 8 : 0.09 * Math.sin(i * 12.9)));
  return g.constant(name, dims, values);
}

/** Convolution, Relu, mean over the picture, product with a bias, classifier without a bias. */
function network(): Model {
  const g = new GraphBuilder();
  const x = g.input('x', [2, 4, 8, 8]);
  const conv = g.node('conv', 'Conv', [x, rough(g, 'conv.w', [4, 4, 3, 3])], {
    pads: [1, 1, 1, 1],
  });
  const rows = g.node('rows', 'Reshape', [
    g.node('pool', 'GlobalAveragePool', [g.node('relu', 'Relu', [conv])]),
    g.ints('to', [-1, 4]),
  ]);
  const product = g.node('product', 'MatMul', [rows, rough(g, 'product.w', [4, 8])]);
  const biased = g.node('biased', 'Add', [product, g.random('b', [8])]);
  return g.output(g.node('fc', 'Gemm', [biased, rough(g, 'fc.w', [8, 4])])).build();
}

describe('correctAlone', () => {
  it('brings the mean of the output back where one layer alone is quantized, on other samples', async () => {
    const model = network();
    const subject = await ready(model, randomFeeds(model, 64, 0, 1));
    const plain = quantizeReady(subject, { granularity: 'tensor' });
    const settings = {
      paramsOf: (t: string) => plain.params.get(t)!,
      activationType: 'uint8' as const,
      weightSettings: () => ({ granularity: 'tensor' as const, bits: 8 }),
    };
    const { units } = plain.placement;
    const biases = await correctAlone(plain.prepared, units, subject.feeds.slice(0, 16), settings);
    expect([...biases.keys()]).toEqual(['conv', 'product', 'fc']);
    // within the ranges, and none of those that made the correction
    const fresh = subject.feeds.slice(16);
    for (const { unit } of units.filter((u) => ['conv', 'fc'].includes(u.unit.name))) {
      const noise = async (biasOf?: (name: string) => Float32Array | undefined) => {
        const alone = onlyThisModel(plain.prepared, unit, {
          ...settings,
          ...(biasOf && { biasOf }),
        });
        return noiseAt(plain.prepared, alone, fresh);
      };
      const [before, after] = [await noise(), await noise((name) => biases.get(name))];
      expect(after.shift).toBeLessThan(before.shift / 2);
      expect(after.noise).toBeLessThan(before.noise);
    }
  });
});

/** Power of the difference, and root mean square of its mean per output. */
async function noiseAt(exact: Model, other: Model, feeds: readonly Feed[]) {
  const sums = new Float64Array(4);
  let [noise, rows] = [0, 0];
  for (const feed of feeds) {
    const [a, b] = [await output(exact, feed), await output(other, feed)];
    a.forEach((x, i) => {
      noise += (x - b[i]!) ** 2;
      sums[i % 4] = sums[i % 4]! + x - b[i]!;
    });
    rows += a.length / 4;
  }
  return { noise, shift: Math.hypot(...sums) / rows };
}
