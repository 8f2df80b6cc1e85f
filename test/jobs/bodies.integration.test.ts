/** Layers inside If, Loop and Scan through the whole of a static run. */
import { writeFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { serializeModel, type Model } from '../../src/onnx';
import { choice, loop, scan } from '../lib/bodies';
import { npy, temporaryFolder } from '../lib/files';
import { randomValues } from '../lib/graph';
import { run } from '../lib/job';

const folder = temporaryFolder();

type Arrays = Record<string, Uint8Array>;

/** Samples of a model: each input's values one after the other along a new first axis. */
const samples = (count: number, seed: string, inputs: Record<string, number[]>): Arrays =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => {
      const all = [count, ...dims];
      const values = randomValues(
        all.reduce((a, b) => a * b),
        `${seed} ${name}`,
      );
      return [`${name}.npy`, npy(all, values)];
    }),
  );

async function staticRun(name: string, model: Model, data: (seed: string) => Arrays, more = {}) {
  const put = (file: string, bytes: Uint8Array) => folder.put(`${name}/${file}`, bytes);
  put('net.onnx', serializeModel(model));
  put('calibration.npz', zipSync(data('calibration')));
  put('evaluation.npz', zipSync(data('evaluation')));
  const recipePath = folder.at(name, 'net.quant.yaml');
  writeFileSync(
    recipePath,
    stringify({
      model: 'net.onnx',
      output: 'net.int8.onnx',
      target: 'x86-vnni',
      calibration: { data: 'calibration.npz' },
      evaluate: { data: 'evaluation.npz' },
      latency: { pairs: 5, seconds: 0.05 },
      sensitivity: { samples: 4, budget_s: 60 },
      ...more,
    }),
  );
  return (await run(recipePath)).result;
}

describe('a static run', () => {
  it.each([
    ['Loop', loop, { x: [2, 16], h0: [2, 16] }, ['steps/a', 'steps/b'], 'full'],
    ['Loop by its extremes', loop, { x: [2, 16], h0: [2, 16] }, ['steps/a', 'steps/b'], 'minmax'],
    ['Scan', scan, { x: [7, 16], h0: [16] }, ['rows/either/then/t', 'rows/either/else/e'], 'full'],
  ])(
    'quantizes, runs and judges the layers inside a %s',
    async (name, make, inputs, layers, depth) => {
      const result = await staticRun(name, make(), (seed) => samples(12, seed, inputs), {
        calibration: { data: 'calibration.npz', statistics: depth },
        quantization: { activations: { observer: 'minmax' } },
      });
      const found = result.layers.filter((l) => layers.includes(l.name));
      expect(found.map((l) => [l.name, l.precision, l.executed])).toEqual(
        layers.map((layer) => [layer, 'int8', 'int8']),
      );
      expect(found.every((l) => l.noiseShare !== null && l.noiseShare > 0)).toBe(true);
      expect(Math.min(...Object.values(result.sqnrDb))).toBeGreaterThan(25);
      const ranges = result.ranges.filter((r) => r.consumers.some((c) => layers.includes(c)));
      expect(ranges.length).toBeGreaterThan(0);
      expect(ranges.every((r) => r.scale !== null && r.type === 'uint8')).toBe(true);
    },
  );

  it('says of a branch that no sample took that it stays float', async () => {
    const result = await staticRun('If', choice(), (seed) => ({
      ...samples(8, seed, { x: [2, 32] }),
      'c.npy': npy([8], new Uint8Array(8).fill(1)),
    }));
    const of = (name: string) => result.layers.find((l) => l.name === name)!;
    expect(of('if/then/mm').executed).toBe('int8');
    expect(of('if/else/mm')).toMatchObject({ precision: 'float32' });
    expect(of('if/else/mm').reason).toContain('no calibration sample came this way');
    const note = result.notes.find((n) => n.code === 'range-unusable');
    expect(note).toMatchObject({ tensor: 'n', severity: 'warning' });
  });
});
