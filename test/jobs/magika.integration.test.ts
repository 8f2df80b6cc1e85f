/** Magika's classifier on every open file: the labels of the INT8 model beside those of FP32. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { npy, temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { openFiles } from '../lib/magika';
import { hasShared, sharedFile } from '../lib/shared';
import { Session } from '../../src/runtime/session';

const folder = temporaryFolder();
const MODEL = 'models/magika_fast_v2_1.onnx';
const SIZE = 1024;

/** Label and margin between the two largest scores. */
function decide(scores: Float32Array): { label: number; margin: number } {
  const label = scores.indexOf(Math.max(...scores));
  const others = scores.filter((_, i) => i !== label);
  return { label, margin: scores[label]! - Math.max(...others) };
}

describe.skipIf(!hasShared)('magika_fast', () => {
  // Static keeps 99.1 to 99.6 %, as the files that it is calibrated on fall: eight inputs of ONNX's Cast tests, whose two
  // best labels are 0.03 apart, change theirs together or not at all.
  it.each([
    ['static', {}, 0.993, 0.2],
    // no default, and no promise: three outputs of ONNX's LogSoftmax tests change theirs, whose margin is 0.271
    ['static', { activations: { observer: 'minmax' } }, 0.99, 0.3],
    ['dynamic', {}, 0.993, 0.2],
  ])('%s %j', { timeout: 600_000 }, async (mode, more, least, margin) => {
    const files = openFiles();
    const chosen = files.filter((_, i) => i % 25 === 0);
    const data = new Int32Array(chosen.length * SIZE);
    chosen.forEach((file, i) => data.set(file, i * SIZE));
    folder.put('files.npy', npy([chosen.length, 1, SIZE], data));
    const output = folder.at(`${mode}.onnx`);
    const text = stringify({
      model: sharedFile(MODEL),
      output,
      quantization: { mode, ...more },
      ...(mode === 'static' ? { calibration: { data: 'files.npy' } } : {}),
    });
    await run(folder.at(`${mode}.quant.yaml`), { text, until: 'quantize' });

    const settings = { threads: 1 };
    const exact = await Session.open(readFileSync(sharedFile(MODEL)), settings);
    const quantized = await Session.open(readFileSync(output), settings);
    let same = 0;
    const changed: number[] = [];
    for (const file of files) {
      const feed = { bytes: { type: 'int32' as const, dims: [1, SIZE], data: file } };
      const [a, b] = [await exact.run(feed), await quantized.run(feed)];
      const before = decide(a.target_label!.data as Float32Array);
      const after = decide(b.target_label!.data as Float32Array);
      if (before.label === after.label) same++;
      else changed.push(before.margin);
    }
    await exact.release();
    await quantized.release();
    expect(files.length).toBeGreaterThan(2000);
    expect(same / files.length).toBeGreaterThanOrEqual(least);
    expect(Math.max(0, ...changed)).toBeLessThan(margin);
  });
});
