/** A calibration that is killed goes on where it was, and ends with the very same statistics. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { JobClient } from '../../src/jobs/client';
import { Memory } from '../../src/jobs/memory';
import type { StoredStatistics } from '../../src/jobs/stages/calibrate-part';
import { Store } from '../../src/jobs/store';
import type { Progress } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run, WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const MANY = 30_000;

const stored = (recipePath: string, prefix: string): StoredStatistics | null => {
  const store = new Store(recipePath);
  if (!existsSync(store.folder)) return null;
  const names = readdirSync(store.folder).filter(
    (name) => name.startsWith(`net.${prefix}.`) && name.endsWith('.json'),
  );
  expect(names.length).toBeLessThanOrEqual(1);
  const text = names[0] ? readFileSync(path.join(store.folder, names[0]), 'utf8') : 'null';
  return JSON.parse(text) as StoredStatistics | null;
};

describe('a calibration', () => {
  it('that is killed loses at most about a second and goes on', { timeout: 180_000 }, async () => {
    const killed = await project(folder, 'killed');
    const whole = await project(folder, 'whole');
    const recipe = {
      calibration: { data: 'random', samples: MANY },
      evaluate: undefined,
    };
    killed.write(recipe);
    whole.write(recipe);

    const client = new JobClient(WORKER);
    const seen: { at: number; done: number }[] = [];
    const first = client.request(
      'run',
      { recipePath: killed.recipePath, until: 'calibrate' },
      {
        onProgress: ({ stage, done }: Progress) => {
          if (stage !== 'calibrate') return;
          seen.push({ at: Date.now(), done });
          if (stored(killed.recipePath, 'calibration-part')) client.kill();
        },
      },
    );
    await expect(first).rejects.toMatchObject({ code: 'job.cancelled' });
    const part = stored(killed.recipePath, 'calibration-part')!;
    expect(part.done).toBeGreaterThan(0);
    expect(part.done).toBeLessThan(MANY);
    expect(part.tensors[0]!.samples).toBe(part.done);
    // what was lost are the samples of the last second or so: of the time since the save
    const lost = seen.filter(({ done }) => done > part.done);
    expect((lost.at(-1)?.at ?? 0) - (lost[0]?.at ?? 0)).toBeLessThan(2500);

    const steps: number[] = [];
    await client.request(
      'run',
      { recipePath: killed.recipePath, until: 'calibrate' },
      { onProgress: ({ stage, done }) => stage === 'calibrate' && steps.push(done) },
    );
    expect(steps[0]).toBe(part.done);
    expect(steps.at(-1)).toBe(MANY);
    expect(stored(killed.recipePath, 'calibration-part')).toBeNull();
    client.dispose();
    // another process, which remembers nothing
    const other = new JobClient(WORKER);
    await other.request('run', { recipePath: whole.recipePath, until: 'calibrate' });
    other.dispose();
    const [resumed, once] = [killed, whole].map((p) => stored(p.recipePath, 'calibration')!);
    expect(resumed!.tensors).toEqual(once!.tensors);
    expect(resumed!.key).toBe(once!.key);
  });

  it(
    'of extremes alone serves min-max, and is made again for more',
    { timeout: 60_000 },
    async () => {
      const { recipePath, write } = await project(folder, 'extremes');
      const memory = new Memory();
      const text = (statistics: string, observer: string) =>
        write({
          calibration: { data: 'calibration.npy', statistics },
          quantization: { activations: { observer } },
        });
      const ranges = async (statistics: string, observer: string) => {
        const ran = await run(
          recipePath,
          { text: text(statistics, observer), until: 'quantize' },
          memory,
        );
        const chosen = ran.result.ranges.map(({ tensor, scale, zeroPoint }) => ({
          tensor,
          scale,
          zeroPoint,
        }));
        return { chosen, calibrated: ran.stages.includes('calibrate'), result: ran.result };
      };
      const quick = await ranges('minmax', 'minmax');
      expect(quick.calibrated).toBe(true);
      expect(quick.result.ranges.every(({ sparkline }) => sparkline.length === 0)).toBe(true);
      const full = await ranges('full', 'minmax');
      expect(full.calibrated).toBe(true);
      expect(full.chosen).toEqual(quick.chosen);
      expect((await ranges('full', 'entropy')).calibrated).toBe(false);
      expect((await ranges('minmax', 'minmax')).calibrated).toBe(false);
      await expect(ranges('minmax', 'mse')).rejects.toMatchObject({ code: 'recipe.schema' });
    },
  );
});
