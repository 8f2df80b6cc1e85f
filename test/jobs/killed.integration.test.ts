/** A worker that is killed in any stage leaves nothing half done, and the next one goes on from what was kept. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { JobClient } from '../../src/jobs/client';
import type { Progress, RunResult, Stage } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const client = new JobClient(WORKER);
afterAll(() => client.dispose());

/** In the order in which a run comes to them. */
const STAGES: Stage[] = [
  'calibrate',
  'quantize',
  'verify',
  'evaluate',
  'layer errors',
  'latency',
  'sensitivity',
];

/** Goes until it is killed where `when` says so, or to its end; every stage it came to, with its first count. */
async function run(recipePath: string, when: (progress: Progress) => boolean = () => false) {
  const began: { stage: Stage; done: number; detail: string | undefined }[] = [];
  let result: RunResult | null = null;
  let code: unknown = null;
  try {
    result = await client.request(
      'run',
      { recipePath },
      {
        onProgress: (progress) => {
          const { stage, done, detail } = progress;
          if (began.at(-1)?.stage !== stage || began.at(-1)?.detail !== detail)
            began.push({ stage, done, detail });
          if (when(progress)) client.kill();
        },
      },
    );
  } catch (error) {
    code = (error as { code?: unknown }).code;
  }
  return { began, result, code, stages: new Set(began.map(({ stage }) => stage)) };
}

describe('a run that is killed', () => {
  it('goes on from what was kept, whatever it was at', { timeout: 240_000 }, async () => {
    const { recipePath, write, at } = await project(folder, 'stages');
    write();
    const leftovers = () =>
      ['.', '.vernier']
        .filter((dir) => existsSync(at(dir)))
        .flatMap((dir) => readdirSync(at(dir)))
        .filter((name) => /\.tmp|trial/.test(name));
    for (const stage of STAGES) {
      const { code, stages } = await run(recipePath, (progress) => progress.stage === stage);
      expect([stage, code]).toEqual([stage, 'job.cancelled']);
      // samples are not read again for ranges once these were kept
      expect([stage, stages.has('calibrate')]).toEqual([
        stage,
        STAGES.indexOf(stage) <= STAGES.indexOf('quantize'),
      ]);
      expect([stage, leftovers()]).toEqual([stage, []]);
      // a file stands only after it was checked
      const written = existsSync(at('net.int8.onnx'));
      expect([stage, written]).toEqual([stage, STAGES.indexOf(stage) > STAGES.indexOf('verify')]);
    }
    const { result, stages } = await run(recipePath);
    expect(result!.complete).toBe(true);
    expect(stages.has('calibrate')).toBe(false);
    expect(JSON.parse(readFileSync(at('.vernier/net.result.json'), 'utf8'))).toMatchObject({
      key: result!.key,
    });
    // and the very same as of one that nobody killed
    const whole = await project(folder, 'whole');
    whole.write();
    const once = await run(whole.recipePath);
    const measured = ({ layers }: RunResult) =>
      layers.map((l) => [l.name, l.local, l.accumulated, l.onlyThisDb, l.noise]);
    expect(measured(result!)).toEqual(measured(once.result!));
    expect(result!.sqnrDb).toEqual(once.result!.sqnrDb);
    expect(readFileSync(at('net.int8.onnx')).equals(readFileSync(whole.at('net.int8.onnx')))).toBe(
      true,
    );
    // with what is known of layers alone, nothing is tried again
    const again = await run(recipePath);
    const sensitivity = again.began.find(({ stage }) => stage === 'sensitivity')!;
    expect(sensitivity.done).toBeGreaterThanOrEqual(result!.layers.length);
  });
});
