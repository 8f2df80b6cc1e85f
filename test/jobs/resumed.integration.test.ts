/** A worker that is killed at any moment of any stage: the next one comes to the same, and makes no step again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { JobClient } from '../../src/jobs/client';
import type { Requests } from '../../src/jobs/protocol';
import type { Progress, RunResult } from '../../src/results';
import { Random } from '../../src/numeric';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const client = new JobClient(WORKER);
afterAll(() => client.dispose());
const random = new Random(7);

type Method = 'run' | 'plan' | 'search';

/** A stage as it is passed: which one, and for the how manieth time. */
interface Passed {
  name: string;
  /** Milliseconds since the request. */
  from: number;
  to: number;
  /** Progress by the number of steps that it counts to: where it began, and what was heard last. */
  counts: Map<number, { first: number; last: number }>;
}

/** One request, until it ends or is killed, so many milliseconds after the stage `kill.name` began. */
async function ask<M extends Method>(
  method: M,
  params: Parameters<Requests[M]>[0],
  kill?: { name: string; after: number },
) {
  const stages: Passed[] = [];
  const start = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const onProgress = ({ stage, detail, done, total }: Progress) => {
    const now = performance.now() - start;
    const kind = detail === undefined ? stage : `${stage}: ${detail}`;
    let last = stages.at(-1);
    // what counts backwards begins anew
    if (last?.name.replace(/ #\d+$/, '') !== kind || done < (last.counts.get(total)?.last ?? 0)) {
      const before = stages.filter(({ name }) => name.replace(/ #\d+$/, '') === kind).length;
      last = { name: `${kind} #${before + 1}`, from: now, to: now, counts: new Map() };
      stages.push(last);
      if (last.name === kill?.name && !timer) timer = setTimeout(() => client.kill(), kill.after);
    }
    last.to = now;
    const count = last.counts.get(total);
    last.counts.set(total, { first: count?.first ?? done, last: done });
  };
  const request = { ...params, saveEveryMs: 0 };
  try {
    return { stages, value: await client.request(method, request, { onProgress }) };
  } catch (error) {
    expect((error as { code?: unknown }).code).toBe('job.cancelled');
    return { stages, value: null };
  } finally {
    clearTimeout(timer);
  }
}

/** Kills request after request, each in another stage, and asks once more; no step that was told of is made again. */
async function killedIn<M extends Method>(
  method: M,
  params: Parameters<Requests[M]>[0],
  stages: readonly Passed[],
) {
  const told = new Map<string, Map<number, number>>();
  const goOn = async (kill?: { name: string; after: number }) => {
    const made = await ask(method, params, kill);
    for (const { name, counts } of made.stages.filter(countsSteps))
      for (const [total, { first, last }] of counts) {
        const before = told.get(name)?.get(total) ?? 0;
        expect([name, total, first >= before], `${first} after ${before}`).toEqual([
          ...[name, total, true],
        ]);
        told.set(name, (told.get(name) ?? new Map<number, number>()).set(total, last));
      }
    // one that came to its end is done, whether or not it could say so, and the next one times anew
    const kept = (what: string) =>
      existsSync(path.join(path.dirname(params.recipePath), '.vernier', `net.${what}`));
    if (kept('result.json') && !kept('timings.state'))
      for (const name of told.keys()) if (name.startsWith('latency')) told.delete(name);
    return made.value;
  };
  let kills = 0;
  for (const { name, from, to } of stages) {
    if ((await goOn({ name, after: random.uniform() * (to - from) })) === null) kills++;
  }
  const value = (await goOn())!;
  return { value, kills };
}

/** Sizes of plans are counted anew, of which every single one is remembered by itself. */
const countsSteps = ({ name }: Passed) => !name.startsWith('sensitivity: plans');

const stored = (dir: string) => readdirSync(dir).filter((f) => /-part\.|timings/.test(f));

/** All but what is measured with a clock. */
function withoutTimes({ recipe, model, output, ...result }: RunResult): object {
  const { latency, limits, seconds, finishedAt, ...rest } = result;
  expect([latency, limits, seconds, finishedAt, recipe, model, output]).not.toContain(undefined);
  return { ...rest, breaks: rest.breaks?.map((b) => ({ ...b, conversionMs: 0, floatMs: 0 })) };
}

describe('killed with SIGKILL at random moments of every stage', () => {
  it('a run', { timeout: 240_000 }, async () => {
    const whole = await project(folder, 'whole');
    whole.write();
    const once = await ask('run', { recipePath: whole.recipePath });
    const { recipePath, write, at } = await project(folder, 'cut');
    write();
    const { value, kills } = await killedIn('run', { recipePath }, once.stages);
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(withoutTimes(value)).toEqual(withoutTimes(once.value!));
    const written = (file: (name: string) => string) => readFileSync(file('net.int8.onnx'));
    expect(written(at).equals(written(whole.at))).toBe(true);
    expect(stored(at('.vernier'))).toEqual([]);
  });

  it('plans', { timeout: 240_000 }, async () => {
    const whole = await project(folder, 'plans');
    whole.write();
    const settings = { budgetSeconds: 600, timed: false, layers: 2 };
    const once = await ask('plan', { recipePath: whole.recipePath, ...settings });
    const { recipePath, write, at } = await project(folder, 'plans-cut');
    write();
    const { value } = await killedIn('plan', { recipePath, ...settings }, once.stages);
    const { plans, layers, recommended, reason } = once.value!;
    expect({
      plans: value.plans,
      layers: value.layers,
      recommended: value.recommended,
      reason: value.reason,
    }).toEqual({ plans, layers, recommended, reason });
    expect(stored(at('.vernier'))).toEqual([]);
  });

  it('a search', { timeout: 300_000 }, async () => {
    const whole = await project(folder, 'search');
    whole.write();
    const once = await ask('search', { recipePath: whole.recipePath, budgetSeconds: 15 });
    const { recipePath, write, at } = await project(folder, 'search-cut');
    write();
    let value = null;
    for (let kills = 0; value === null; kills++) {
      const asked = client.request('search', { recipePath, budgetSeconds: 15, saveEveryMs: 0 });
      const ended = asked.then(
        (found) => found,
        () => null,
      );
      const timer =
        kills < 5 ? setTimeout(() => client.kill(), random.uniform(0, 3000)) : undefined;
      value = await ended;
      clearTimeout(timer);
    }
    // times decide which are tried; those that both tried came out alike
    const accuracy = new Map(once.value!.tries.map((t) => [`${t.name} ${t.samples}`, t]));
    let compared = 0;
    for (const { name, samples, worstDb, bytes, agreement } of value.tries) {
      const other = accuracy.get(`${name} ${samples}`);
      if (!other || samples === 0) continue;
      expect({ worstDb, bytes, agreement }, name).toEqual({
        ...{ worstDb: other.worstDb, bytes: other.bytes, agreement: other.agreement },
      });
      compared++;
    }
    expect(compared).toBeGreaterThanOrEqual(3);
    expect(stored(at('.vernier'))).toEqual([]);
    expect(existsSync(at('net.int8.onnx'))).toBe(false);
  });
});
