/** Balanced channels in a whole job: the sample whose depthwise convolution has channels of very different ranges. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples/factor-cnn');
const data = path.join(samples, 'calibration.npy');

async function made(name: string, more: object, until?: 'evaluate') {
  const text = stringify({
    model: path.join(samples, 'factor-cnn.onnx'),
    output: `${name}.onnx`,
    calibration: { data },
    evaluate: {
      data: path.join(samples, 'evaluation.npz'),
      labels: path.join(samples, 'labels.npy'),
    },
    ...more,
  });
  const { result } = await run(folder.at(`${name}.quant.yaml`), { text, until });
  return result;
}

const improved = (name: string, improve?: string[]) =>
  made(name, improve ? { quantization: { improve } } : {}, 'evaluate');

it('wins by default what one scale for all channels loses, with the same kernels', async () => {
  const before = await improved('before', ['bias-correction']);
  const after = await improved('after');
  expect(after.sqnrDb.logits! - before.sqnrDb.logits!).toBeGreaterThan(15);
  expect(after.agreement!.value).toBeGreaterThan(0.98);
  expect(after.int8MacShare).toBe(before.int8MacShare);
  expect(after.layers.map((l) => l.kernel)).toEqual(before.layers.map((l) => l.kernel));
  const own = (result: typeof after) => result.ranges.filter((r) => r.channelScales !== null);
  expect(own(before)).toHaveLength(0);
  expect(own(after).map((r) => r.tensor)).toContain('/features/block3/depthwise_act/Clip_output_0');
});

it('follows extremes less, the fewer samples there are, and says how many it wants', async () => {
  const with63 = await made('63', { calibration: { data, samples: 63 } }, 'evaluate');
  const with24 = await made('24', { calibration: { data, samples: 24 } }, 'evaluate');
  expect(with63.sqnrDb.logits!).toBeGreaterThan(30);
  expect(with24.sqnrDb.logits!).toBeGreaterThan(20);
  // a tensor of 4×4 places wants the most
  expect(with24.notes.find((n) => n.code === 'balanced-in-part')).toMatchObject({
    tensor: '/features/block3/depthwise_act/Clip_output_0',
    remedy: 'Calibrate on 256 samples.',
  });
});

it('finds the same of layers alone whatever is kept', { timeout: 120_000 }, async () => {
  const latency = { pairs: 3, seconds: 0.1 };
  const all = await made('all', { latency });
  const balanced = all.ranges.filter((r) => r.channelScales !== null);
  const kept = await made('kept', {
    latency,
    keep_fp32: balanced.flatMap((r) => r.consumers),
  });
  const scales = ({ ranges }: typeof all) => ranges.map((r) => r.channelScales);
  expect(scales(kept)).not.toEqual(scales(all));
  const alone = ({ layers }: typeof all) =>
    layers.map((l) => [l.name, l.onlyThisDb, l.expectedDb, l.local]);
  expect(alone(kept)).toEqual(alone(all));
});
