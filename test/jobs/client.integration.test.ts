/** The worker process as its callers see it: progress, cancel, crashes. */
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { JobClient } from '../../src/jobs/client';
import type { Progress, RunResult } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const clients: JobClient[] = [];
afterEach(() => clients.splice(0).forEach((client) => client.dispose()));

function open(): JobClient {
  const client = new JobClient(WORKER);
  clients.push(client);
  return client;
}

/** The worker's process: what a crash ends. */
const childOf = (client: JobClient) => (client as unknown as { child: { pid: number } }).child;
/** A calibration that takes long enough to be interrupted. */
const LONG = { calibration: { data: 'random', samples: 40_000 }, evaluate: undefined };
/** Files that only a half-finished job leaves, in the folder and in its store. */
const leftovers = (at: (file: string) => string) =>
  ['.', '.vernier'].flatMap((dir) => {
    try {
      return readdirSync(at(dir)).filter((f) => f.endsWith('.tmp'));
    } catch {
      return [];
    }
  });

describe('JobClient', () => {
  it('answers with what the worker found, and streams on the way', async () => {
    const { recipePath, write } = await project(folder, 'answers');
    write();
    const progress: Progress[] = [];
    const partials: RunResult[] = [];
    const client = open();
    const result = await client.request(
      'run',
      { recipePath, until: 'evaluate' },
      { onProgress: (p) => progress.push(p), onPartial: (r) => partials.push(r) },
    );
    expect(result.complete).toBe(true);
    expect(partials.length).toBeGreaterThanOrEqual(3);
    expect(progress.map((p) => p.stage)).toContain('calibrate');
    for (const p of progress) {
      expect(p.done).toBeLessThanOrEqual(p.total);
      expect(p.memory).toBeGreaterThan(1e6);
    }
    expect(client.busy).toBe(false);
  });

  it('serves all of its methods from one process, one after the other', async () => {
    const { recipePath, write, at } = await project(folder, 'methods');
    write();
    const client = open();
    const model = at('net.onnx');
    const [result, summary, range, weights] = await Promise.all([
      client.request('run', { recipePath, until: 'quantize' }),
      client.request('inspect', { model }),
      client.request('range', { recipePath, tensor: 'relu1_out' }),
      client.request('weights', { model, layer: 'conv1' }),
    ]);
    expect(summary.layers.map((l) => l.name)).toEqual(result.layers.map((l) => l.name));
    const scale = result.ranges.find((r) => r.tensor === 'relu1_out')!.scale;
    expect(range).toMatchObject({ tensor: 'relu1_out', min: 0, samples: 16, scale });
    expect(range.counts.reduce((a, b) => a + b)).toBe(16 * 8 * 64);
    expect(weights).toMatchObject({ layer: 'conv1', shape: [8, 3, 3, 3], axis: 0 });
  });

  it('passes errors on with code, place and remedy', async () => {
    const { recipePath } = await project(folder, 'errors');
    const client = open();
    await expect(client.request('inspect', { model: 'nowhere.onnx' })).rejects.toMatchObject({
      code: 'model.not-found',
      place: { file: 'nowhere.onnx', remedy: expect.any(String) },
    });
    await expect(client.request('run', { recipePath })).rejects.toMatchObject({
      code: 'recipe.not-found',
    });
    await expect(
      client.request('range', { recipePath, tensor: 'relu1_out' }),
    ).rejects.toMatchObject({ code: 'data.not-found', place: { tensor: 'relu1_out' } });
  });
});

describe('cancel', () => {
  it('is prompt, leaves nothing behind and an earlier good file alone', async () => {
    const { recipePath, write, at } = await project(folder, 'cancel');
    write();
    const client = open();
    await client.request('run', { recipePath, until: 'quantize' });
    const good = readFileSync(at('net.int8.onnx'));
    const stored = readdirSync(at('.vernier')).sort();

    write(LONG);
    const controller = new AbortController();
    let cancelled = 0;
    const running = client.request(
      'run',
      { recipePath },
      {
        signal: controller.signal,
        onProgress: ({ stage, done }) => {
          if (stage !== 'calibrate' || done < 10 || cancelled) return;
          cancelled = performance.now();
          controller.abort();
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: 'job.cancelled' });
    expect(performance.now() - cancelled).toBeLessThan(500);
    expect(leftovers(at)).toEqual([]);
    expect(readFileSync(at('net.int8.onnx')).equals(good)).toBe(true);
    expect(readdirSync(at('.vernier')).sort()).toEqual(stored);

    write();
    const again = await client.request('run', { recipePath, until: 'quantize' });
    expect(again.complete).toBe(true);
  });

  it('before it begins costs nothing', async () => {
    const client = open();
    const signal = AbortSignal.abort();
    await expect(
      client.request('inspect', { model: 'any.onnx' }, { signal }),
    ).rejects.toMatchObject({ code: 'job.cancelled' });
    expect(client.busy).toBe(false);
    expect(childOf(client)).toBeNull();
  });

  it('disposing rejects what is under way', async () => {
    const { recipePath, write } = await project(folder, 'dispose');
    write(LONG);
    const client = open();
    const running = client.request('run', { recipePath });
    expect(client.busy).toBe(true);
    client.dispose();
    await expect(running).rejects.toMatchObject({ code: 'job.cancelled' });
  });
});

describe('a killed worker', () => {
  it('is reported, the next request works, and finished stages are kept', async () => {
    const { recipePath, write, at } = await project(folder, 'killed');
    write();
    const client = open();
    let killed = false;
    const running = client.request(
      'run',
      { recipePath },
      {
        onProgress: ({ stage }) => {
          if (stage !== 'evaluate' || killed) return;
          killed = true;
          process.kill(childOf(client).pid, 'SIGKILL');
        },
      },
    );
    await expect(running).rejects.toMatchObject({
      code: 'job.worker-died',
      place: { remedy: expect.stringContaining('Run it again') },
    });
    expect(killed).toBe(true);
    expect(leftovers(at)).toEqual([]);
    const stages: string[] = [];
    const result = await client.request(
      'run',
      { recipePath, until: 'evaluate' },
      { onProgress: ({ stage }) => stages.push(stage) },
    );
    expect(result.complete).toBe(true);
    expect(stages).not.toContain('calibrate');
  });

  it('while it writes leaves no half file', async () => {
    const { recipePath, write, at } = await project(folder, 'half');
    write();
    const client = open();
    await client.request('run', { recipePath, until: 'quantize' });
    const good = readFileSync(at('net.int8.onnx'));
    write({ keep_fp32: ['conv1'] });
    const running = client.request(
      'run',
      { recipePath },
      {
        onProgress: ({ stage }) => {
          if (stage === 'verify') process.kill(childOf(client).pid, 'SIGKILL');
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: 'job.worker-died' });
    expect(leftovers(at)).toEqual([]);
    const now = readFileSync(at('net.int8.onnx'));
    // the old file or the whole new one, never a part
    if (!now.equals(good)) {
      write({ keep_fp32: ['conv1'] });
      await client.request('run', { recipePath, until: 'quantize' });
      expect(readFileSync(at('net.int8.onnx')).equals(now)).toBe(true);
    }
  });
});
