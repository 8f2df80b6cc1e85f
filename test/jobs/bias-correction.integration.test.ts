/** Bias correction in a whole job: what it buys on samples that were not calibrated on, and when it does nothing. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { twoLayers } from '../../bench/recurrent-models';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { every, hasShared, imagenet, sharedFile } from '../lib/shared';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples/factor-cnn');

function recipe(output: string, more: object): string {
  return stringify({
    model: path.join(samples, 'factor-cnn.onnx'),
    output,
    calibration: { data: path.join(samples, 'calibration.npy') },
    evaluate: {
      data: path.join(samples, 'evaluation.npz'),
      labels: path.join(samples, 'labels.npy'),
    },
    ...more,
  });
}

describe('bias correction', () => {
  it('brings means back on samples that did not make it, and the output closer to FP32', async () => {
    const plain = await run(folder.at('plain.quant.yaml'), {
      text: recipe('plain.onnx', { quantization: { improve: [] } }),
      until: 'evaluate',
    });
    const corrected = await run(folder.at('corrected.quant.yaml'), {
      text: recipe('corrected.onnx', {}),
      until: 'evaluate',
    });
    expect(plain.result.layers.every((l) => l.biasShift === null)).toBe(true);
    const shifts = corrected.result.layers.flatMap((l) => l.biasShift ?? []);
    expect(shifts.length).toBe(14); // 13 convolutions and the classifier
    for (const { before, after, kept } of shifts) expect(kept).toBe(after < before);
    expect(shifts.filter((s) => s.kept).length).toBeGreaterThan(10);
    expect(corrected.result.sqnrDb['logits']!).toBeGreaterThan(
      plain.result.sqnrDb['logits']! + 0.5,
    );
    // It costs nothing when the model runs: the same kernels, all of them integer.
    expect(corrected.result.layers.map((l) => l.kernel)).toEqual(
      plain.result.layers.map((l) => l.kernel),
    );
  });

  it('does so for layers with 16-bit activations, whose weights are rounded all the same', async () => {
    const activations = { type: 'int16' };
    const [plain, corrected] = [
      await run(folder.at('plain16.quant.yaml'), {
        text: recipe('plain16.onnx', { quantization: { activations, improve: [] } }),
        until: 'evaluate',
      }),
      await run(folder.at('corrected16.quant.yaml'), {
        text: recipe('corrected16.onnx', { quantization: { activations } }),
        until: 'evaluate',
      }),
    ];
    const shifts = corrected.result.layers.flatMap((l) => l.biasShift ?? []);
    expect(shifts.length).toBe(14);
    expect(shifts.filter((s) => s.kept).length).toBeGreaterThan(10);
    expect(corrected.result.sqnrDb['logits']!).toBeGreaterThan(
      plain.result.sqnrDb['logits']! + 0.5,
    );
  });

  it('has nothing to do where no layer has a place for a bias', async () => {
    const model = folder.put('lstm.onnx', twoLayers('LSTM', 4, 8, 5));
    const text = stringify({
      model,
      output: 'lstm.int8.onnx',
      calibration: { data: 'random', samples: 8 },
    });
    const { result } = await run(folder.at('lstm.quant.yaml'), { text });
    expect(result.layers.filter((l) => l.op === 'LSTM').length).toBe(2);
    expect(result.layers.every((l) => l.biasShift === null)).toBe(true);
  });

  it('leaves a kept layer its own bias, and writes the same bytes again', async () => {
    const text = (output: string) =>
      recipe(output, {
        keep_fp32: ['/features/block3/project/Conv'],
      });
    const first = await run(folder.at('kept.quant.yaml'), {
      text: text('a.onnx'),
      until: 'quantize',
    });
    await run(folder.at('kept.quant.yaml'), { text: text('b.onnx'), until: 'quantize' });
    const kept = first.result.layers.find((l) => l.wish === 'keep')!;
    expect(kept.executed).toBe('float32');
    expect(kept.biasShift).toBeNull();
    const [a, b] = await Promise.all([
      readFile(folder.at('a.onnx')),
      readFile(folder.at('b.onnx')),
    ]);
    expect(a.equals(b)).toBe(true);
  });

  it.skipIf(!hasShared)(
    'takes mobilenet from 11 dB to 19.5 dB and 89 % same label',
    { timeout: 600_000 },
    async () => {
      const calibrated = every(3, imagenet(), 64);
      const text = stringify({
        model: sharedFile('models/mobilenet_v1_0.25_224_imagenet.onnx'),
        output: 'mobilenet.int8.onnx',
        calibration: {
          data: calibrated,
          image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
        },
        // Only pictures that were not calibrated on.
        evaluate: { data: imagenet().filter((file) => !calibrated.includes(file)) },
      });
      const { result } = await run(folder.at('mobilenet.quant.yaml'), { text, until: 'evaluate' });
      expect(result.sqnrDb['predictions']!).toBeGreaterThanOrEqual(19.5);
      expect(result.agreement!.value).toBeGreaterThanOrEqual(0.89);
    },
  );
});
