import { afterEach, describe, expect, it, vi } from 'vitest';
import { latencyStage } from '../../src/jobs/stages/latency';
import { Timings } from '../../src/jobs/stages/timings';
import { Store } from '../../src/jobs/store';
import { serializeModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { classifier } from '../lib/project';
import { randomFeeds } from '../lib/runtime';

const folder = temporaryFolder();
const model = classifier();
const candidate = folder.put('net.onnx', serializeModel(model));
const subject = { key: 'subject' } as Parameters<typeof Timings.open>[2];
const [feed] = randomFeeds(model, 1);
const task = { candidate, feed: feed!, settings: { threads: 1, pairs: 6, seconds: 0.05 } };
const pairs = (ms: number) => ({ reference: [ms], candidate: [ms], threads: 1 });

describe('timings of an attempt that was cut off', () => {
  afterEach(() => void vi.useRealTimers());

  it('count process by process, for the same pair and purpose', async () => {
    const store = new Store(folder.at('same', 'net.quant.yaml'));
    await (await Timings.open(store, 'run', subject, task)).addRun(pairs(1));
    expect((await Timings.open(store, 'run', subject, task)).runs).toEqual([pairs(1)]);
    expect((await Timings.open(store, 'confirm', subject, task)).runs).toEqual([]);
    const settings = { ...task.settings, threads: 2 };
    expect((await Timings.open(store, 'run', subject, { ...task, settings })).runs).toEqual([]);
    await Timings.forget(store);
    expect((await Timings.open(store, 'run', subject, task)).runs).toEqual([]);
  });

  it('do not once they are old: the machine may be in another state', async () => {
    const store = new Store(folder.at('old', 'net.quant.yaml'));
    await (await Timings.open(store, 'run', subject, task)).addRun(pairs(1));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60_000 });
    expect((await Timings.open(store, 'run', subject, task)).runs).toEqual([]);
  });

  it('leave the processes that are missing to be run, and no others', async () => {
    const store = new Store(folder.at('rest', 'net.quant.yaml'));
    const timings = await Timings.open(store, 'run', subject, task);
    for (const ms of [1, 2]) await timings.addRun(pairs(ms));
    const processes: number[] = [];
    const goOn = await Timings.open(store, 'run', subject, task);
    await latencyStage(
      WORKER,
      { reference: candidate, ...task },
      async (done) => void processes.push(done),
      goOn,
    );
    expect(processes).toEqual([3]);
    expect((await Timings.open(store, 'run', subject, task)).runs).toHaveLength(3);
  });
});
