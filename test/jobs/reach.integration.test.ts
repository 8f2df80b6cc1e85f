/**
 * What quantization must reach on real models, as executed: figures of the peer's best recipe (PEERS.md) or better, from
 * one recipe with defaults. Data and splits are those of `baselines/ort_peer.py export`.
 */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { hurtingLayers } from '../../src/recipe/hurts';
import type { RunResult } from '../../src/results';
import { npy, temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { CLIPS } from '../lib/machine';
import {
  cifar,
  digits,
  every,
  faces,
  hasShared,
  imagenet,
  photos,
  sharedFile,
  windows,
} from '../lib/shared';

const folder = temporaryFolder();

async function reach(name: string, model: string, recipe: object, until: 'evaluate' | 'all') {
  const text = stringify({
    model: sharedFile(model),
    output: `${name}.int8.onnx`,
    latency: { pairs: 5, seconds: 0.2 },
    ...recipe,
  });
  const { result } = await run(folder.at(`${name}.quant.yaml`), { text, until });
  return result;
}

const db = (result: RunResult, output: string) => result.sqnrDb[output]!;

describe.skipIf(!hasShared)('mobilenet_v1_0.25', () => {
  const model = 'models/mobilenet_v1_0.25_224_imagenet.onnx';
  const recipe = () => ({
    calibration: {
      data: every(3, imagenet(), 64),
      image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
    },
    evaluate: { data: imagenet(), labels: sharedFile('data/imagenet_200/labels.csv') },
    sensitivity: { samples: 8, budget_s: 300 },
  });

  it('keeps its labels', { timeout: 600_000 }, async () => {
    // only pictures that were not calibrated on
    const evaluate = { data: imagenet().filter((_, i) => i % 3 !== 0) };
    const result = await reach('mobilenet', model, { ...recipe(), evaluate }, 'evaluate');
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(19.5);
    expect(result.agreement!.value).toBeGreaterThanOrEqual(0.89);
    expect(result.int8MacShare).toBeGreaterThan(0.99);
  });

  it('without correction names the layer that hurts', { timeout: 600_000 }, async () => {
    const plain = { ...recipe(), quantization: { improve: [] } };
    const result = await reach('mobilenet-plain', model, plain, 'all');
    const { accuracy, agreement } = result;
    expect(accuracy).toMatchObject({ metric: 'top1', n: 200 });
    expect(accuracy!.fp32).toBeCloseTo(0.615, 3);
    expect(accuracy!.int8).toBeGreaterThanOrEqual(accuracy!.fp32! - 0.055);
    expect(agreement!.value).toBeGreaterThanOrEqual(0.75);
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(10.7);
    expect(result.int8MacShare).toBeGreaterThan(0.99);
    expect(hurtingLayers(result)[0]?.name).toMatch(/conv_dw_3/);
  });

  it('with conv_dw_3 in FP32 is what the file means', { timeout: 600_000 }, async () => {
    const quantization = { improve: [], activations: { observer: 'minmax' } };
    const plain = { quantization, keep_fp32: ['*conv_dw_3*'] };
    const keep = { ...recipe(), ...plain };
    const result = await reach('mobilenet', model, keep, 'evaluate');
    const kept = result.layers.filter((l) => l.wish === 'keep');
    expect(kept.map((l) => l.executed)).toEqual(['float32']);
    // headroom in the weights costs what it costs
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(CLIPS ? 12.5 : 13.4);
    expect(result.agreement!.value).toBeGreaterThanOrEqual(CLIPS ? 0.8 : 0.82);
  });
});

describe.skipIf(!hasShared)('resnet8_cifar10', () => {
  it('loses nothing', { timeout: 300_000 }, async () => {
    const result = await reach(
      'resnet8',
      'models/resnet8_cifar10.onnx',
      {
        calibration: { data: every(8, cifar(), 128), image: { scale: 1 } },
        evaluate: { data: cifar(), labels: sharedFile('data/cifar10_test_1000/labels.csv') },
      },
      'evaluate',
    );
    const { accuracy, agreement } = result;
    expect(accuracy!.fp32).toBeCloseTo(0.751, 3);
    expect(accuracy!.int8).toBeGreaterThanOrEqual(accuracy!.fp32! - 0.005);
    expect(agreement).toMatchObject({ n: 1000 });
    expect(agreement!.value).toBeGreaterThanOrEqual(0.975);
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(25.8);
    expect(result.int8MacShare).toBe(1);
    expect(result.layers.filter((l) => l.op === 'Add').map((l) => l.executed)).toEqual(
      new Array(3).fill('int8'),
    );
  });
});

describe.skipIf(!hasShared)('mnist_cntk', () => {
  it('keeps its labels', { timeout: 300_000 }, async () => {
    const { images, labels, count } = digits();
    const dims = (n: number) => [n, 1, 28, 28];
    const picked = every(20, Array.from(labels.keys()), 200);
    const calibration = new Float32Array(picked.length * 784);
    picked.forEach((i, k) => calibration.set(images.subarray(i * 784, (i + 1) * 784), k * 784));
    folder.put('digits.npy', npy(dims(count), images));
    folder.put('digits-calibration.npy', npy(dims(picked.length), calibration));
    folder.put('digits-labels.npy', npy([count], labels));
    const result = await reach(
      'mnist',
      'models/mnist_cntk.onnx',
      {
        calibration: { data: 'digits-calibration.npy', samples: 200 },
        evaluate: { data: 'digits.npy', labels: 'digits-labels.npy' },
      },
      'evaluate',
    );
    expect(result.accuracy!.fp32).toBeCloseTo(0.983, 3);
    expect(result.agreement).toMatchObject({ n: 5000 });
    expect(result.agreement!.value).toBeGreaterThanOrEqual(0.998);
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(37);
  });
});

describe.skipIf(!hasShared)('ultraface_rfb_320', () => {
  it.each([
    ['ultraface_rfb_320_simplified', 43, 19],
    ['ultraface_rfb_320', 43, 46],
  ])('%s', { timeout: 300_000 }, async (name, scores, boxes) => {
    const data = [...photos(), ...faces()];
    const image = { resize: [320, 240], scale: 1, mean: 127, std: 128 };
    const result = await reach(
      name,
      `models/${name}.onnx`,
      {
        calibration: { data: every(3, data), image },
        evaluate: { data: data.filter((_, i) => i % 3 !== 0) },
      },
      'evaluate',
    );
    expect(result.evaluatedOn!.samples).toBe(data.length - every(3, data).length);
    expect(db(result, 'scores')).toBeGreaterThanOrEqual(scores);
    expect(db(result, 'boxes')).toBeGreaterThanOrEqual(boxes);
    expect(result.layers.map((l) => l.op)).not.toContain('BatchNormalization');
  });
});

describe.skipIf(!hasShared)('super_resolution_10', () => {
  it('is as sharp as before', { timeout: 300_000 }, async () => {
    const data = photos();
    const calibrated = every(3, data);
    const result = await reach(
      'superres',
      'models/super_resolution_10/model.onnx',
      {
        calibration: { data: calibrated, image: { resize: 256, crop: 224, color: 'y' } },
        evaluate: { data: data.filter((file) => !calibrated.includes(file)) },
      },
      'evaluate',
    );
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(30);
    expect(result.int8MacShare).toBeGreaterThan(0.99);
  });
});

describe.skipIf(!hasShared)('char_gpt', () => {
  /** 256 windows of what it was not trained on, and the characters that follow. */
  function text() {
    const { evaluation } = windows();
    const join = (part: (w: BigInt64Array) => BigInt64Array) =>
      BigInt64Array.from(evaluation.flatMap((w) => [...part(w)]));
    folder.put(
      'text.npy',
      npy(
        [evaluation.length, 1, 128],
        join((w) => w.slice(0, 128)),
      ),
    );
    folder.put(
      'text-labels.npy',
      npy(
        [evaluation.length, 128],
        join((w) => w.slice(1)),
      ),
    );
    return { data: 'text.npy', labels: 'text-labels.npy', metric: 'cross-entropy' };
  }

  it('static is as near to FP32 as dynamic is', { timeout: 300_000 }, async () => {
    const { calibration } = windows();
    const read = BigInt64Array.from(calibration.flatMap((w) => [...w.slice(0, 128)]));
    folder.put('text-calibration.npy', npy([calibration.length, 1, 128], read));
    const recipe = { calibration: { data: 'text-calibration.npy' }, evaluate: text() };
    const result = await reach('chargpt-static', 'selftrained/char_gpt.onnx', recipe, 'evaluate');
    expect(result.accuracy!.fp32).toBeCloseTo(1.8726, 3);
    expect(result.accuracy!.int8).toBeLessThanOrEqual(1.877);
    expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(CLIPS ? 37.5 : 37.9);
  });

  it('dynamic loses less than 0.001 nats a character', { timeout: 300_000 }, async () => {
    const recipe = { quantization: { mode: 'dynamic' }, evaluate: text() };
    const result = await reach('chargpt', 'selftrained/char_gpt.onnx', recipe, 'evaluate');
    const { accuracy } = result;
    expect(accuracy!.fp32).toBeCloseTo(1.8726, 3);
    expect(accuracy!.int8 - accuracy!.fp32!).toBeLessThanOrEqual(0.001);
    expect(path.basename(result.output!)).toBe('chargpt.int8.onnx');
  });

  it.each<[string, object, number, number]>([
    ['defaults', {}, 1.88, 27],
    ['int4', { type: 'int4', block: 32 }, 1.88, 26.5],
    ['hqq', { method: 'hqq' }, 1.879, 27],
    ['int8', { type: 'int8' }, 1.874, 40],
    ['int4 as qdq', { type: 'int4', form: 'qdq' }, 1.882, 26],
  ])(
    'weight-only, %s: %o reaches %d nats a character and %d dB',
    { timeout: 300_000 },
    async (name, weights, nats, least) => {
      const recipe = {
        quantization: { mode: 'weight-only', weights },
        evaluate: text(),
        sensitivity: { budget_s: 0 },
      };
      const result = await reach(
        `chargpt-${name.replaceAll(' ', '-')}`,
        'selftrained/char_gpt.onnx',
        recipe,
        'evaluate',
      );
      expect(result.accuracy!.fp32).toBeCloseTo(1.8726, 3);
      expect(result.accuracy!.int8).toBeLessThanOrEqual(nats);
      expect(Object.values(result.sqnrDb)[0]).toBeGreaterThanOrEqual(least);
      const products = result.layers.filter((l) => l.op === 'MatMul' && l.reason === null);
      expect(products).toHaveLength(17);
      const bits = name === 'int8' ? 'int8' : 'int4';
      expect(products.filter((l) => l.executed === bits).length).toBeGreaterThanOrEqual(16);
      expect(products.every((l) => /^MatMulNBits/.test(l.kernel!))).toBe(true);
      expect(result.layers.find((l) => /tok/.test(l.name))!.executed).toBe('int8');
      expect(result.size!.int8 / result.size!.fp32).toBeLessThan(bits === 'int8' ? 0.35 : 0.24);
    },
  );
});
