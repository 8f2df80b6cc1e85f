/**
 * What statistics, and two passes, let expect of every layer, beside what running it alone gives: the order must be the same, and
 * the decibels of two passes near.
 */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { npy, temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { spearman } from '../lib/ranks';
import {
  cifar,
  every,
  faces,
  hasShared,
  imagenet,
  photos,
  sharedFile,
  windows,
} from '../lib/shared';

const folder = temporaryFolder();

/** Root mean square of differences. */
function apart(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0) / a.length);
}

function text() {
  const { calibration, evaluation } = windows();
  const write = (name: string, list: readonly BigInt64Array[]) => {
    const values = BigInt64Array.from(list.flatMap((w) => [...w.slice(0, 128)]));
    folder.put(name, npy([list.length, 1, 128], values));
    return name;
  };
  return {
    calibration: { data: write('calibration.npy', calibration) },
    evaluate: { data: write('text.npy', evaluation.slice(0, 16)) },
  };
}

const imageNet = { resize: 256, crop: 224, scale: '1/127.5', mean: 1 };

describe.skipIf(!hasShared)('layers are expected to cost in the order in which they do', () => {
  it.each<[string, number, () => object]>([
    [
      'models/mobilenet_v1_0.25_224_imagenet.onnx',
      0.8,
      () => ({
        calibration: { data: every(3, imagenet(), 64), image: imageNet },
        evaluate: { data: imagenet().filter((_, i) => i % 3 !== 0) },
      }),
    ],
    [
      'models/resnet8_cifar10.onnx',
      0.8,
      () => ({
        calibration: { data: every(8, cifar(), 128), image: { scale: 1 } },
        evaluate: { data: cifar() },
      }),
    ],
    [
      'models/ultraface_rfb_320_simplified.onnx',
      0.8,
      () => {
        const data = [...photos(), ...faces()];
        const image = { resize: [320, 240], scale: 1, mean: 127, std: 128 };
        return { calibration: { data: every(3, data), image }, evaluate: { data } };
      },
    ],
    ['selftrained/char_gpt.onnx', 0.8, text],
  ])('%s: rank correlation of at least %d', { timeout: 600_000 }, async (model, least, recipe) => {
    for (const quantization of [{}, { improve: [] }])
      await ranked(model, least, quantization, recipe());
  });
});

async function ranked(model: string, least: number, quantization: object, recipe: object) {
  const document = {
    ...{ model: sharedFile(model), output: 'int8.onnx', quantization, ...recipe },
    latency: { pairs: 3, seconds: 0.1 },
    sensitivity: { budget_s: 500 },
  };
  const { result } = await run(folder.at('expected.quant.yaml'), { text: stringify(document) });
  const known = result.layers.filter((l) => l.onlyThisDb !== null);
  expect(known.length).toBeGreaterThan(10);
  expect(known.filter((l) => l.expectedDb === null)).toEqual([]);
  const exact = known.map((l) => l.onlyThisDb!);
  const expected = known.map((l) => l.expectedDb!);
  const twoPass = known.map((l) => l.twoPassDb!);
  const [byStatistics, byPasses] = [spearman(expected, exact), spearman(twoPass, exact)];
  expect(byStatistics).toBeGreaterThanOrEqual(least);
  // both order them nearly alike; in decibels two passes are not far off in any model
  expect(byPasses).toBeGreaterThanOrEqual(Math.max(least, byStatistics - 0.03));
  expect(apart(twoPass, exact)).toBeLessThan('improve' in quantization ? 6 : 5);
}
