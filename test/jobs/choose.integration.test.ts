/** Choosing a mode by measuring: what is tried, what wins, and what `mode: auto` writes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/analyze/choose';
import { chooseRecipe } from '../../src/jobs/choose';
import { Memory } from '../../src/jobs/memory';
import { parseModel } from '../../src/onnx';
import type { ModeChoice } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run, WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const choose = (recipePath: string, more: { text?: string; modes?: ['static'] } = {}) =>
  chooseRecipe({ recipePath, ...more }, new Memory(), { progress: () => undefined }, WORKER);

function expectMeasured(choice: ModeChoice, mode: string) {
  const trial = choice.trials.find((t) => t.mode === mode)!;
  expect(trial).toMatchObject({
    failure: null,
    bytes: expect.any(Number),
    latency: { speedup: expect.any(Number), pairs: expect.any(Number) },
    accuracy: { metric: 'top1', fp32: 1, n: 24 },
  });
  expect(trial.worstDb).toBeGreaterThan(10);
}

describe('choosing', () => {
  it('measures every mode and leaves nothing behind', async () => {
    const { recipePath, write, at } = await project(folder, 'choose');
    write();
    const choice = await choose(recipePath);
    expect(choice.trials.map((t) => t.mode)).toEqual(['dynamic', 'static']);
    for (const mode of ['dynamic', 'static']) expectMeasured(choice, mode);
    expect(choice.winner).toBe(decide(choice.trials).winner);
    expect(choice.measuredOn).toEqual({ samples: 24, source: 'evaluation.npy', random: false });
    expect(existsSync(at('net.int8.onnx'))).toBe(false);
    expect(readdirSync(at('.vernier')).filter((f) => f.includes('tmp'))).toEqual([]);
  });

  it('a mode that cannot be written is told with its reason', async () => {
    const { recipePath, write } = await project(folder, 'one');
    // without its last layer the model has convolutions alone, which dynamic quantization leaves alone
    const text = write({ keep_fp32: ['fc', 'fcc'], quantization: { mode: 'auto' } });
    const choice = await choose(recipePath, { text });
    expect(choice.notes).toMatchObject([{ code: 'no-match', remedy: expect.any(String) }]);
    expect(choice.trials[0]).toMatchObject({
      mode: 'dynamic',
      failure: { code: 'model.nothing-to-quantize' },
      latency: null,
    });
    expectMeasured(choice, 'static');
  });

  it('without data modes are compared on random input, and static says what it lacks', async () => {
    const { recipePath, write } = await project(folder, 'random');
    write({ calibration: undefined, evaluate: undefined, quantization: { mode: 'auto' } });
    const choice = await choose(recipePath);
    expect(choice.measuredOn).toEqual({ samples: 1, source: 'random', random: true });
    expect(choice.trials).toMatchObject([
      { mode: 'dynamic', failure: null },
      { mode: 'static', failure: { code: 'recipe.schema' } },
    ]);
  });
});

describe('mode: auto', () => {
  it('writes the winner, says so in the file, and asks no second time', async () => {
    const { recipePath, write, at } = await project(folder, 'auto');
    const auto = { quantization: { mode: 'auto' }, limits: { sqnr_db: -50 } };
    write(auto);
    const { result } = await run(recipePath);
    expect(result.choice!.winner).toBe(result.mode);
    expect(decide(result.choice!.trials).winner).toBe(result.mode);
    const model = parseModel(readFileSync(at('net.int8.onnx')));
    expect(model.metadata('vernier.mode')).toBe(result.mode);
    expect(model.metadata('vernier.mode.chosen')).toBe('by measuring');

    write({ ...auto, keep_fp32: ['conv2'] });
    const { result: again, stages } = await run(recipePath);
    expect(again.choice).toEqual(JSON.parse(JSON.stringify(result.choice)));
    expect(stages.filter((s) => s === 'latency')).toHaveLength(1);
  });

  it('leaves the model in FP32 where nothing is good enough, and says why at every layer', async () => {
    const { recipePath, write, at } = await project(folder, 'fp32');
    write({ quantization: { mode: 'auto' }, limits: { sqnr_db: 149 } });
    const { result } = await run(recipePath);
    expect(result).toMatchObject({ mode: 'float32', complete: true, int8MacShare: 0 });
    expect(result.choice!.trials.every((t) => t.misses !== null)).toBe(true);
    expect(result.layers.every((l) => l.executed === 'float32' && l.reason !== null)).toBe(true);
    expect(result.sqnrDb.scores).toBeGreaterThan(100);
    expect(parseModel(readFileSync(at('net.int8.onnx'))).metadata('vernier.mode')).toBe('float32');
  });
});
