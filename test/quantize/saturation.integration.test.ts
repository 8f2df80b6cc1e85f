/** Weights for processors without VNNI, checked with the kernels of such a processor. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { hasClippingKernels, runProcess } from '../lib/emulated';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { value } from '../lib/runtime';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples/factor-cnn');

/** Made-up panels, wilder than the sample's own. */
const feeds = Array.from({ length: 8 }, (_, n) => ({
  panel: value(
    [1, 4, 16, 32],
    Float32Array.from(
      { length: 2048 },
      (__, i) => 2 * Math.sin(i * 0.7 + n * 1.3) + Math.cos(i * 0.11 * n),
    ),
  ),
}));

function outputs(model: string, kernels: 'exact' | 'clipping'): number[] {
  const [results] = runProcess(kernels, [{ model, feeds }]);
  return results!.flatMap(({ logits }) => [...(logits!.data as Float32Array)]);
}

async function written(target: string): Promise<string> {
  const text = stringify({
    model: path.join(samples, 'factor-cnn.onnx'),
    output: `${target}.onnx`,
    target,
    calibration: { data: path.join(samples, 'calibration.npy') },
    // balanced channels use all of their codes in calibration: panels as wild as these go beyond the margin of headroom
    quantization: { improve: ['bias-correction'] },
  });
  await run(folder.at(`${target}.quant.yaml`), { text, until: 'quantize' });
  return folder.at(`${target}.onnx`);
}

// with VNNI and without an emulator there are no such kernels: lib/emulated.ts says so
describe.skipIf(!hasClippingKernels)('a processor without VNNI', () => {
  it(
    'gets the same outputs from weights with headroom, and others without',
    { timeout: 300_000 },
    async () => {
      const difference = (model: string) => {
        const [exact, there] = [outputs(model, 'exact'), outputs(model, 'clipping')];
        return Math.max(...exact.map((x, i) => Math.abs(x - there[i]!)));
      };
      expect(difference(await written('x86-avx2'))).toBeLessThanOrEqual(1e-6);
      // Without headroom the 16-bit accumulator clips: the test would notice.
      expect(difference(await written('x86-vnni'))).toBeGreaterThan(1e-3);
    },
  );
});
