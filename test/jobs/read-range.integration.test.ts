/** What the readers of a tensor do not tell apart, in a whole job: it is clipped, and no figure counts it as an error. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { serializeModel } from '../../src/onnx';
import { rangeDetail } from '../../src/jobs/details';
import { npy, temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';
import { CLIPS } from '../lib/machine';

const folder = temporaryFolder();

function model(): string {
  const g = new GraphBuilder(20);
  const x = g.input('x', [1, 8, 16, 16]);
  const y = g.node('conv', 'Conv', [x, g.random('w', [8, 8, 3, 3], 4), g.random('b', [8])]);
  return folder.put(
    'gelu.onnx',
    serializeModel(g.output(g.node('gelu', 'Gelu', [y], {}, ['out'])).build()),
  );
}

const samples = (seed: string) => npy([12, 1, 8, 16, 16], randomValues(12 * 8 * 256, seed));

async function quantized(name: string, observer: string) {
  const recipe = {
    model: model(),
    output: `${name}.onnx`,
    calibration: { data: 'seen.npy' },
    evaluate: { data: 'new.npy' },
    quantization: { activations: { observer }, weights: { granularity: 'tensor' } },
  };
  const recipePath = folder.put(`${name}.quant.yaml`, stringify(recipe));
  const { result } = await run(recipePath, { until: 'evaluate' });
  return { result, detail: await rangeDetail(recipePath, 'conv_out') };
}

describe('what nothing reads', () => {
  it('is clipped, brings the output nearer, and counts as no error', async () => {
    folder.put('seen.npy', samples('seen'));
    folder.put('new.npy', samples('new'));
    const whole = await quantized('minmax', 'minmax');
    const read = await quantized('auto', 'auto');
    const range = (result: typeof read.result) =>
      result.ranges.find((r) => r.tensor === 'conv_out')!;
    const { scale, zeroPoint, min } = range(read.result);
    expect(min).toBeLessThan(-40);
    expect(range(read.result).read).toEqual({ min: expect.closeTo(-3.5, 0), max: null });
    expect(-zeroPoint! * scale!).toBeGreaterThan(-5);
    expect(range(whole.result).read).toBeUndefined();
    // half the range, half the step; beside weights with headroom it is a smaller part of the noise
    const gain = read.result.sqnrDb.out! - whole.result.sqnrDb.out!;
    expect(gain).toBeGreaterThan(CLIPS ? 1 : 2);
    const layer = read.result.layers.find((l) => l.op === 'Conv')!;
    expect(layer.clipRate!).toBeLessThan(0.001);
    expect(range(read.result).outOfRange!).toBeLessThan(0.001);
    expect(read.detail.observer).toBe('auto');
    expect(read.detail.read).toEqual(range(read.result).read);
  });
});
