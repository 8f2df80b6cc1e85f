/** What a calibration says it will take, and what it never does twice: runs of sessions are counted. */
import { describe, expect, it, vi } from 'vitest';
import { Memory } from '../../src/jobs/memory';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();

describe('a calibration', () => {
  it('says first what it takes', { timeout: 60_000 }, async () => {
    const { recipePath, write } = await project(folder, 'estimate');
    write({ evaluate: undefined });
    const { progress } = await run(recipePath, { until: 'calibrate' });
    const steps = progress.filter(({ stage }) => stage === 'calibrate');
    const first = steps.findIndex(({ estimate }) => estimate);
    expect(steps[first]!.done).toBe(0);
    expect(steps.slice(first).every(({ estimate }) => estimate)).toBe(true);
    const { tensors, sampleBytes, memory } = steps[first]!.estimate!;
    // image 3×8×8; relu1, conv2 and add's results 8×8×8 (add without relu2's), pool, flat and scores
    expect(tensors).toBeGreaterThanOrEqual(5);
    expect(sampleBytes).toBeGreaterThan(4 * (192 + 2 * 512 + 8 + 5));
    expect(sampleBytes).toBeLessThan(4 * (192 + 5 * 512 + 3 * 8 + 5));
    expect(memory).toBeGreaterThan(steps[first]!.memory);
    expect(progress.some(({ stage, estimate }) => stage !== 'calibrate' && estimate)).toBe(false);
  });

  it(
    'says what lies outside of its ranges as the written model does',
    { timeout: 60_000 },
    async () => {
      const { recipePath, write } = await project(folder, 'held-back');
      write({
        quantization: { activations: { observer: 'percentile', percentile: 99 }, improve: [] },
      });
      const shares = async (until: 'calibrate' | 'evaluate') => {
        const { result } = await run(recipePath, { until });
        expect(result.calibrationReport!.heldBack).toEqual({ samples: 16 });
        return new Map(result.ranges.map((r) => [r.tensor, r.outOfRange]));
      };
      const before = await shares('calibrate');
      const after = await shares('evaluate');
      const measured = [...after].filter(([, share]) => share !== null);
      expect(measured.length).toBeGreaterThan(4);
      expect(Math.max(...measured.map(([, share]) => share!))).toBeGreaterThan(0.002);
      for (const [tensor, share] of measured)
        expect([tensor, before.get(tensor)]).toEqual([tensor, share]);
    },
  );

  it('is not done again for another observer', { timeout: 120_000 }, async () => {
    const { recipePath, write } = await project(folder, 'observers');
    const runs = vi.spyOn(Session.prototype, 'run');
    const count = async (observer: string, memory: Memory) => {
      write({
        calibration: { data: 'calibration.npy' },
        quantization: { activations: { observer }, improve: [] },
      });
      runs.mockClear();
      const { stages, result } = await run(recipePath, { until: 'calibrate' }, memory);
      return { runs: runs.mock.calls.length, reads: stages.includes('calibrate'), result };
    };
    try {
      const memory = new Memory();
      const first = await count('minmax', memory);
      expect(first).toMatchObject({ reads: true });
      expect(first.runs).toBeGreaterThanOrEqual(first.result.calibration!.samples);
      for (const observer of ['percentile', 'entropy', 'mse', 'moving-average', 'auto']) {
        // with what the worker remembers, and in a new one that has the files alone
        expect(await count(observer, memory)).toMatchObject({ runs: 0, reads: false });
        expect(await count(observer, new Memory())).toMatchObject({ runs: 0, reads: false });
      }
    } finally {
      runs.mockRestore();
    }
  });
});
