/** What a search comes out at on real models. Speeds decide, so a search that was disturbed may be made once more. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Memory } from '../../../src/jobs/memory';
import { searchRecipe } from '../../../src/jobs/search';
import { npy, temporaryFolder } from '../../lib/files';
import { WORKER } from '../../lib/job';
import { digits, every, hasShared, sharedFile, windows } from '../../lib/shared';

const folder = temporaryFolder();

let count = 0;

/** Each time a search of its own, which knows nothing of what was measured before. */
async function searched(model: string, recipe: object, budgetSeconds: number) {
  const name = `${model}-${++count}`;
  const text = stringify({ output: `${name}.int8.onnx`, quantization: 'auto', ...recipe });
  const recipePath = folder.at(`${name}.quant.yaml`);
  const hooks = { progress: () => undefined };
  const request = { recipePath, text, budgetSeconds };
  const result = await searchRecipe(request, new Memory(), hooks, WORKER);
  return result;
}

describe.skipIf(!hasShared)('searching', () => {
  it('finds that INT8 is not faster for mnist_cntk', { timeout: 300_000, retry: 1 }, async () => {
    const { images, labels, count } = digits();
    const picked = every(20, Array.from(labels.keys()), 200);
    const calibration = new Float32Array(picked.length * 784);
    picked.forEach((i, k) => calibration.set(images.subarray(i * 784, (i + 1) * 784), k * 784));
    folder.put('digits.npy', npy([count, 1, 28, 28], images));
    folder.put('digits-calibration.npy', npy([picked.length, 1, 28, 28], calibration));
    folder.put('digits-labels.npy', npy([count], labels));
    const result = await searched(
      'mnist',
      {
        model: sharedFile('models/mnist_cntk.onnx'),
        calibration: { data: 'digits-calibration.npy', samples: 200 },
        evaluate: { data: 'digits.npy', labels: 'digits-labels.npy' },
      },
      120,
    );
    expect(result).toMatchObject({ chosen: null, text: null, missed: null });
    expect(result.reason).toMatch(/^INT8 is not faster here/);
    expect(result.tries.filter((t) => t.latency).every((t) => t.state !== 'chosen')).toBe(true);
  });

  it(
    'finds dynamic or static matrix products for char_gpt',
    { timeout: 600_000, retry: 1 },
    async () => {
      const { evaluation, calibration } = windows();
      const put = (
        name: string,
        all: readonly BigInt64Array[],
        part: (w: BigInt64Array) => BigInt64Array,
        dims: number[],
      ) => folder.put(name, npy(dims, BigInt64Array.from(all.flatMap((w) => [...part(w)]))));
      put('text.npy', evaluation, (w) => w.slice(0, 128), [evaluation.length, 1, 128]);
      put('text-labels.npy', evaluation, (w) => w.slice(1), [evaluation.length, 128]);
      put('text-calibration.npy', calibration, (w) => w.slice(0, 128), [
        calibration.length,
        1,
        128,
      ]);
      const result = await searched(
        'gpt',
        {
          model: sharedFile('selftrained/char_gpt.onnx'),
          calibration: { data: 'text-calibration.npy' },
          evaluate: { data: 'text.npy', labels: 'text-labels.npy', metric: 'cross-entropy' },
        },
        180,
      );
      const chosen = result.tries[result.chosen!]!;
      expect(['dynamic', 'static']).toContain(chosen.mode);
      expect(chosen.misses).toBeNull();
      const { fp32, int8 } = chosen.accuracy!;
      expect(int8 - fp32!).toBeLessThanOrEqual(0.005);
    },
  );
});
