// "What it must reach", as data: a model, its recipe and what its INT8 file must be, as executed.
// Data and splits are those of the peer's own script; see test/lib/shared.ts, which the tests use too.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../scripts/lib/paths.mjs';
import { vnni } from './lib/machine.mjs';
import { writeNpy } from './lib/npy.mjs';

/** Without what is done by default to win accuracy back. */
const plain = { improve: [], activations: { observer: 'minmax' } };

/**
 * A case: `recipe(shared, folder)` writes what it needs into the folder and returns the recipe.
 * `must`: `loses` (most that the metric may lose), `same` (labels as FP32), `sqnr` (dB of the first output, or by
 * output name), `speed` (ratio, one thread), `also` (words → what must be true of result and its hurting layers).
 * `peer`: the recipe of peer.py (null: only what is quoted), and with it what PEERS.md quotes as the best of the peer's grid.
 */
export const cases = [
  {
    name: 'mobilenet_v1_0.25',
    recipe: (...args) => ({ ...mobilenet(...args), sensitivity: none }),
    must: { loses: 0.055, same: 0.89, sqnr: 19.5 },
    peer: 'mobilenet',
    quoted: { int8: '57.5 %', same: '76.5 %', sqnr: '10.9', speed: '1.15 ×' },
    best: { int8: '58.0 %', same: '78.0 %', sqnr: '11.0' },
  },
  {
    name: 'mobilenet_v1_0.25, plain min-max',
    recipe: (...args) => ({ ...mobilenet(...args), quantization: plain }),
    must: {
      loses: 0.055,
      same: 0.75,
      sqnr: 10.7,
      also: {
        'names conv_dw_3 first among the layers that hurt': (_, hurting) =>
          /conv_dw_3/.test(hurting[0]?.name ?? ''),
      },
    },
    peer: 'mobilenet',
    quoted: { int8: '57.5 %', same: '76.5 %', sqnr: '10.9', speed: '1.15 ×' },
  },
  {
    name: 'mobilenet_v1_0.25, plain min-max, conv_dw_3 kept',
    recipe: (...args) => ({
      ...mobilenet(...args),
      quantization: plain,
      keep_fp32: ['*conv_dw_3*'],
      sensitivity: none,
    }),
    must: {
      same: 0.82,
      sqnr: 13.4,
      also: {
        'runs conv_dw_3 in FP32, and only that': ({ layers }) =>
          layers.filter((l) => l.wish === 'keep').every((l) => l.executed === 'float32') &&
          layers.filter((l) => l.wish === 'keep').length === 1,
      },
    },
    peer: 'mobilenet-kept',
    quoted: { same: '3 %', sqnr: '−1.1' },
  },
  {
    name: 'mobilenet_v1_0.25 (float16)',
    recipe: (...args) => ({
      ...mobilenet(...args),
      quantization: { mode: 'float16' },
      sensitivity: none,
    }),
    must: {
      loses: 0.005,
      same: 0.99,
      sqnr: 36,
      also: {
        'takes half the bytes': ({ size }) => size.int8 / size.fp32 < 0.55,
        'says of its speed what was measured': measuredSpeed,
      },
    },
    peer: null,
    quoted: null,
  },
  {
    name: 'mobilenet_v1_0.25 (int16 activations)',
    recipe: (...args) => ({
      ...mobilenet(...args),
      quantization: { activations: { type: 'int16' } },
      sensitivity: none,
    }),
    must: {
      same: 0.93,
      sqnr: 24,
      also: { 'says of its speed what was measured': measuredSpeed },
    },
    peer: null,
    quoted: null,
  },
  {
    name: 'resnet8_cifar10',
    recipe: ({ sharedFile, cifar, every }) => ({
      model: sharedFile('models/resnet8_cifar10.onnx'),
      calibration: { data: every(8, cifar(), 128), image: { scale: 1 } },
      evaluate: { data: cifar(), labels: sharedFile('data/cifar10_test_1000/labels.csv') },
      sensitivity: none,
    }),
    must: { loses: 0.005, same: 0.975, sqnr: 25.8 },
    peer: 'resnet8',
    quoted: { int8: '75.2 %', same: '96.4 %', sqnr: '22.2' },
    best: { same: '97.8 %', sqnr: '25.4', speed: '1.65 ×' },
  },
  {
    name: 'mnist_cntk',
    recipe: mnist,
    must: {
      same: 0.998,
      sqnr: 37,
      also: { 'says: not faster here': ({ latency }) => latency?.verdict === 'not faster here' },
    },
    peer: 'mnist',
    quoted: { same: '99.9 %', sqnr: '36.9', speed: '0.45 ×' },
  },
  {
    name: 'ultraface_rfb_320_simplified',
    recipe: ultraface('ultraface_rfb_320_simplified'),
    must: { sqnr: { scores: 43, boxes: 19 }, also: folded() },
    peer: 'ultraface',
    quoted: { sqnr: 'scores 41.2, boxes 16.9' },
    best: { sqnr: 'scores 42.4, boxes 17.5', speed: '2.5 ×' },
  },
  {
    name: 'ultraface_rfb_320',
    recipe: ultraface('ultraface_rfb_320'),
    must: { sqnr: { scores: 41, boxes: 42 }, also: folded() },
    peer: 'ultraface-full',
    quoted: { sqnr: 'scores 42.9, boxes 42.8' },
  },
  {
    name: 'super_resolution_10',
    recipe: ({ sharedFile, photos, every }) => ({
      model: sharedFile('models/super_resolution_10/model.onnx'),
      calibration: {
        data: every(3, photos()),
        image: { resize: 256, crop: 224, color: 'y' },
      },
      evaluate: { data: photos() },
      sensitivity: none,
    }),
    must: { sqnr: 30, ...(vnni ? { speed: 3 } : {}) },
    peer: 'superres',
    quoted: { sqnr: '25.0', speed: '3.5 ×' },
  },
  {
    name: 'char_gpt (dynamic)',
    recipe: charGpt,
    must: { loses: 0.001 },
    peer: 'chargpt',
    quoted: { int8: '1.8729', sqnr: '38.4', speed: '1.55 ×' },
  },
  {
    name: 'char_gpt (weight-only, 4 bits, block 32)',
    recipe: (...args) => ({
      ...charGpt(...args),
      quantization: { mode: 'weight-only', weights: { block: 32 } },
    }),
    must: {
      loses: 0.0074, // 1.880 nats
      also: {
        'runs every product with a weight in MatMulNBits': ({ layers }) =>
          layers
            .filter((l) => l.op === 'MatMul' && l.precision !== 'float32')
            .every((l) => l.executed !== 'float32' && /MatMulNBits/.test(l.kernel)),
        'says of its speed what was measured': measuredSpeed,
      },
    },
    peer: null,
    quoted: { int8: '1.8795 (embedding in FP32)', sqnr: '26.4' },
  },
  {
    name: 'char_gpt (weight-only, 8 bits)',
    recipe: (...args) => ({
      ...charGpt(...args),
      quantization: { mode: 'weight-only', weights: { type: 'int8' } },
    }),
    must: { loses: 0.001, also: { 'says of its speed what was measured': measuredSpeed } },
    peer: null,
    quoted: null,
  },
  {
    name: 'char_gpt (float16)',
    recipe: (...args) => ({ ...charGpt(...args), quantization: { mode: 'float16' } }),
    must: { loses: 0.001, also: { 'says of its speed what was measured': measuredSpeed } },
    peer: null,
    quoted: null,
  },
  ...['', '-128'].map((size) => ({
    name: `price-lstm sample, hidden ${size === '' ? 32 : 128} (dynamic)`,
    recipe: priceLstm(`price-lstm${size}`),
    must: {
      also: {
        'runs its LSTM in INT8': ({ layers }) =>
          layers.some((l) => l.op === 'LSTM' && l.executed === 'int8'),
        'says of its speed what was measured': measuredSpeed,
      },
    },
    peer: `price-lstm${size}`,
    quoted: null,
    lstm: size === '' ? 32 : 128,
  })),
];

/** No search for the layers that hurt: it is not what is measured. */
const none = { budget_s: 0 };

export function mobilenet({ sharedFile, imagenet, every }) {
  return {
    model: sharedFile('models/mobilenet_v1_0.25_224_imagenet.onnx'),
    calibration: {
      data: every(3, imagenet(), 64),
      image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
    },
    evaluate: { data: imagenet(), labels: sharedFile('data/imagenet_200/labels.csv') },
    sensitivity: { samples: 8, budget_s: 300 },
  };
}

function mnist({ sharedFile, digits, every }, folder) {
  const { images, labels, count } = digits();
  const picked = every(20, [...labels.keys()], 200);
  const calibration = new Float32Array(picked.length * 784);
  picked.forEach((i, k) => calibration.set(images.subarray(i * 784, (i + 1) * 784), k * 784));
  writeNpy(join(folder, 'digits.npy'), '<f4', [count, 1, 28, 28], images);
  writeNpy(join(folder, 'digits-calibration.npy'), '<f4', [picked.length, 1, 28, 28], calibration);
  writeNpy(join(folder, 'digits-labels.npy'), '<i8', [count], labels);
  return {
    model: sharedFile('models/mnist_cntk.onnx'),
    calibration: { data: 'digits-calibration.npy', samples: 200 },
    evaluate: { data: 'digits.npy', labels: 'digits-labels.npy' },
    sensitivity: none,
  };
}

function ultraface(name) {
  return ({ sharedFile, photos, faces, every }) => {
    const data = [...photos(), ...faces()];
    return {
      model: sharedFile(`models/${name}.onnx`),
      calibration: {
        data: every(3, data),
        image: { resize: [320, 240], scale: 1, mean: 127, std: 128 },
      },
      evaluate: { data },
      sensitivity: none,
    };
  };
}

/** The verdict on the speed is that of the measurement. */
function measuredSpeed({ latency }) {
  return latency !== null && (latency.verdict === 'faster') === latency.speedup >= 1.02;
}

function folded() {
  return {
    'has every BatchNorm folded': ({ layers }) =>
      layers.every((l) => l.op !== 'BatchNormalization'),
  };
}

function charGpt({ sharedFile, windows }, folder) {
  const { evaluation } = windows();
  const join64 = (part) => BigInt64Array.from(evaluation.flatMap((w) => [...part(w)]));
  const n = evaluation.length;
  writeNpy(
    join(folder, 'text.npy'),
    '<i8',
    [n, 1, 128],
    join64((w) => w.slice(0, 128)),
  );
  writeNpy(
    join(folder, 'text-labels.npy'),
    '<i8',
    [n, 128],
    join64((w) => w.slice(1)),
  );
  return {
    model: sharedFile('selftrained/char_gpt.onnx'),
    quantization: { mode: 'dynamic' },
    evaluate: { data: 'text.npy', labels: 'text-labels.npy', metric: 'cross-entropy' },
    sensitivity: none,
  };
}

function priceLstm(name) {
  return (_, folder) => {
    for (const file of [`${name}.onnx`, 'evaluation.npz', 'labels.npy'])
      cpSync(at('samples/price-lstm', file), join(folder, file));
    return {
      model: `${name}.onnx`,
      quantization: { mode: 'dynamic' },
      evaluate: { data: 'evaluation.npz', labels: 'labels.npy', metric: 'mse' },
      sensitivity: none,
      // a 99th percentile wants a thousand runs
      latency: { threads: 1, pairs: 1500, seconds: 3 },
    };
  };
}
