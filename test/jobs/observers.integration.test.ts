/** Observers from recipe to result: one calibration, a working file each, and what the Ranges view is told. */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { rangeDetail } from '../../src/jobs/details';
import { Memory } from '../../src/jobs/memory';
import { chooseParams } from '../../src/numeric';
import { loadModel } from '../../src/onnx';
import { OBSERVERS } from '../../src/quantize/observers';
import type { ObserverName } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const names = Object.keys(OBSERVERS) as ObserverName[];
const SAMPLE = path.resolve(import.meta.dirname, '../../samples/factor-cnn');

describe('observers of a recipe', () => {
  it('each gives a working file from one calibration', { timeout: 120_000 }, async () => {
    const sample = parse(readFileSync(path.join(SAMPLE, 'factor-cnn.quant.yaml'), 'utf8')) as {
      calibration: { data: string };
    };
    const memory = new Memory();
    const recipePath = folder.at('factor-cnn.quant.yaml');
    for (const [i, observer] of names.entries()) {
      const text = stringify({
        ...sample,
        model: path.join(SAMPLE, 'factor-cnn.onnx'),
        output: `${observer}.onnx`,
        calibration: { data: path.join(SAMPLE, sample.calibration.data) },
        evaluate: { data: path.join(SAMPLE, 'evaluation.npz') },
        quantization: { activations: { observer } },
      });
      const { result, stages } = await run(recipePath, { text, until: 'evaluate' }, memory);
      expect(stages.includes('calibrate')).toBe(i === 0);
      expect(Object.values(result.sqnrDb)[0]).toBeGreaterThan(5);
      expect((await loadModel(result.output!)).metadata('vernier.activations')).toContain(observer);
      for (const range of result.ranges) {
        const { scale, zeroPoint, type } = range;
        if (scale === null || zeroPoint === null || type === null) continue;
        // Within min-max as it is quantized; a zero point that is rounded moves the ends by half a step.
        const first = type === 'uint8' ? 0 : -128;
        expect((first - zeroPoint) * scale).toBeGreaterThanOrEqual(Math.min(range.min, 0) - scale);
        expect((first + 255 - zeroPoint) * scale).toBeLessThanOrEqual(
          Math.max(range.max, 0) + scale,
        );
      }
    }
  });

  it('are all told to the view, and which of them it was', { timeout: 60_000 }, async () => {
    const { recipePath, write } = await project(folder, 'details');
    const text = write({
      quantization: { activations: { observer: 'percentile', percentile: 90 } },
      layers: [{ match: 'conv1', observer: 'mse' }],
    });
    const { result } = await run(recipePath, { text, until: 'quantize' });
    const quantized = result.ranges.filter((r) => r.scale !== null);
    expect(quantized.length).toBeGreaterThan(2);
    for (const { tensor, scale, zeroPoint, producer } of quantized) {
      const detail = await rangeDetail(recipePath, tensor, text);
      expect(detail.observers.map((o) => o.name)).toEqual(names);
      const chosen = detail.observers.find((o) => o.name === detail.observer)!;
      expect(chooseParams(chosen.min, chosen.max, 'uint8')).toMatchObject({ scale, zeroPoint });
      if (producer === null) expect(detail.observer).toBe('percentile');
      if (producer === 'conv1') expect(['mse', 'auto', 'minmax']).toContain(detail.observer);
      for (const { min, max } of detail.observers) {
        expect(min).toBeGreaterThanOrEqual(detail.min);
        expect(max).toBeLessThanOrEqual(detail.max);
      }
    }
  });
});
