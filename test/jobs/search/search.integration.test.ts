/** Searching for a quantization: what is tried, what is kept of it, and that the recipe found gives the same bytes. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decideAmong } from '../../../src/analyze/choose';
import { Memory } from '../../../src/jobs/memory';
import { searchRecipe } from '../../../src/jobs/search';
import type { Progress } from '../../../src/results';
import { temporaryFolder } from '../../lib/files';
import { GraphBuilder } from '../../lib/graph';
import { run, WORKER } from '../../lib/job';
import { project } from '../../lib/project';

const folder = temporaryFolder();
const few = { limits: { sqnr_db: -50 } };
/** A limit that FP32 misses, so that something is found whatever the machine's mood. */
const smaller = { limits: { sqnr_db: 5, size_ratio: 0.6 } };
/** One that, of {@link convolutions}, static INT8 alone meets: it has no rival in speed and is varied on any machine. */
const smallest = { limits: { sqnr_db: 5, size_ratio: 0.45 } };

/** Two large layers, so that the file gets smaller by what its weights do. */
function perceptron() {
  const g = new GraphBuilder();
  const dense = (name: string, x: string, from: number, to: number) =>
    g.node(name, 'Gemm', [x, g.random(`${name}.w`, [from, to], 0.1), g.random(`${name}.b`, [to])]);
  const flat = g.node('flat', 'Flatten', [g.input('image', [1, 3, 8, 8])]);
  const hidden = g.node('relu', 'Relu', [dense('hidden', flat, 192, 256)]);
  const scores = g.node(
    'fc',
    'Gemm',
    [hidden, g.random('fc.w', [256, 5]), g.random('fc.b', [5])],
    {},
    ['scores'],
  );
  g.output(scores);
  return g.build();
}

/** Nearly all weights in convolutions, which dynamic and weight-only modes leave as they are. */
function convolutions() {
  const g = new GraphBuilder();
  const conv = (name: string, x: string, from: number) =>
    g.node(`${name}.relu`, 'Relu', [
      g.node(name, 'Conv', [x, g.random(`${name}.w`, [64, from, 3, 3], 0.1)], {
        pads: [1, 1, 1, 1],
      }),
    ]);
  const last = conv(
    'conv3',
    conv('conv2', conv('conv1', g.input('image', [1, 3, 8, 8]), 3), 64),
    64,
  );
  // no layer without weights: static INT8 has one form only
  const fc = [
    g.node('flat', 'Flatten', [last]),
    g.random('fc.w', [4096, 5]),
    g.random('fc.b', [5]),
  ];
  g.output(g.node('fc', 'Gemm', fc, {}, ['scores']));
  return g.build();
}

const start = (name: string, model = perceptron()) => project(folder, name, model);

async function search(recipePath: string, budgetSeconds: number, text?: string) {
  const progress: Progress[] = [];
  const hooks = { progress: (p: Progress) => void progress.push(p) };
  const request = { recipePath, budgetSeconds, ...(text === undefined ? {} : { text }) };
  const result = await searchRecipe(request, new Memory(), hooks, WORKER);
  return { result, progress };
}

const tried = (result: Awaited<ReturnType<typeof search>>['result']) =>
  result.tries.filter(({ samples }) => samples > 0).map(({ name }) => name);

describe('searching', { timeout: 300_000 }, () => {
  it('tries ways to quantize and variations, reads the data once, and leaves no model', async () => {
    const { recipePath, write, at } = await start('search', convolutions());
    write({ ...smallest, quantization: 'auto' });
    const { result, progress } = await search(recipePath, 240);
    expect(tried(result)).toEqual(
      expect.arrayContaining(['dynamic', 'static', 'static, observer mse']),
    );
    expect(result.tries.find((t) => t.name === 'float16')).toBeDefined();
    const chosen = result.tries[result.chosen!]!;
    expect(chosen).toMatchObject({ state: 'chosen', why: null, misses: null, failure: null });
    expect(chosen.latency).not.toBeNull();
    for (const one of result.tries) if (one !== chosen) expect(one.why).toMatch(/\S/);
    // one calibration serves all observers
    const calibrated = progress.filter((p) => p.detail?.endsWith(': calibrate') && p.done === 0);
    expect(new Set(calibrated.map((p) => p.detail)).size).toBeLessThanOrEqual(2); // and float16's taps
    expect(progress.some((p) => p.stage === 'search' && p.etaSeconds !== null)).toBe(true);
    expect(readdirSync(at('.vernier')).filter((f) => f.includes('.tmp'))).toEqual([]);
    expect(readdirSync(at('.')).filter((f) => f.endsWith('.int8.onnx'))).toEqual([]);
  });

  it('variations that run the same kernels are not timed again', async () => {
    const { recipePath, write } = await start('kernels', convolutions());
    write({ ...smallest, quantization: 'auto' });
    const { result } = await search(recipePath, 240);
    const observer = result.tries.find((t) => t.name.endsWith('observer minmax'))!;
    expect(observer.timedAs).not.toBeNull();
    const timed = result.tries.find((t) => t.name === observer.timedAs)!;
    expect(observer.latency).toEqual(timed.latency);
    const size = { limit: 'size_ratio', wanted: 0.5, got: 1, met: false };
    expect(decideAmong([observer], (t) => t.name, 'try', [size]).winner).toBe(observer);
  });

  it('goes on where it was stopped', async () => {
    const { recipePath, write } = await start('resume');
    const text = write({ ...smaller, quantization: 'auto' });
    // the time is over after the first step
    const { result: first } = await search(recipePath, 0.001, text);
    expect(first.stopped).toBe(true);
    const { result: some } = await search(recipePath, first.seconds + 6, text);
    const before = tried(some);
    expect(before.length).toBeGreaterThan(0);
    const { result: whole, progress } = await search(recipePath, 500, text);
    expect(tried(whole).slice(0, before.length)).toEqual(before);
    expect(whole.seconds).toBeGreaterThan(some.seconds);
    expect(progress.length).toBeGreaterThan(0);
    // and what is complete is not measured again
    const { result: again } = await search(recipePath, 500, text);
    expect({ ...again, seconds: 0 }).toEqual({ ...whole, seconds: 0 });
  });

  it.each([
    ['a way to quantize', smaller, perceptron, 'weight-only int8'],
    ['a variation', smallest, convolutions, 'static, observer minmax'],
  ] as const)('a search killed at %s loses no finished step', async (_, limits, model, at) => {
    const { recipePath, write } = await start(`killed ${at}`, model());
    const text = write({ ...limits, quantization: 'auto' });
    const stop = new Error('killed');
    const hooks = {
      progress: ({ detail }: Progress) => {
        if (detail?.startsWith(`${at}: `)) throw stop;
      },
    };
    const request = { recipePath, budgetSeconds: 240, text };
    await expect(searchRecipe(request, new Memory(), hooks, WORKER)).rejects.toBe(stop);
    const { progress } = await search(recipePath, 240, text);
    const [first] = progress.filter(({ stage }) => stage === 'search');
    expect(first!.detail).toMatch(new RegExp(`^${at}: `));
  });
});

describe('quantization: auto', { timeout: 300_000 }, () => {
  it('writes what was found, and its recipe gives the same bytes', async () => {
    const { recipePath, write, at } = await start('auto');
    write({ ...smaller, quantization: 'auto', search: { budget_s: 20 } });
    const { result } = await run(recipePath, { until: 'evaluate' });
    const { search: found } = result;
    expect(found!.tries[found!.chosen!]!.mode).toBe(result.mode);
    expect(result.complete).toBe(true);
    const bytes = readFileSync(at('net.int8.onnx'));
    const plain = await start('plain');
    const { result: again } = await run(plain.recipePath, {
      text: found!.text!,
      until: 'evaluate',
    });
    expect(again.search).toBeNull();
    expect(readFileSync(plain.at('net.int8.onnx')).equals(bytes)).toBe(true);
    expect(found!.text).not.toMatch(/quantization: auto/);
  });

  it('keeps FP32 where nothing is good enough, and says so', async () => {
    const { recipePath, write } = await start('fp32');
    write({ ...few, quantization: 'auto', limits: { sqnr_db: 149 }, search: { budget_s: 15 } });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result).toMatchObject({ mode: 'float32', search: { chosen: null, text: null } });
    expect(result.search!.reason).toMatch(/FP32 stays/);
  });

  it('says where no limit can be met', async () => {
    const { recipePath, write } = await start('missed');
    write({ ...few, quantization: 'auto', limits: { sqnr_db: 149, size_ratio: 0.5 } });
    const { result } = await search(recipePath, 15);
    expect(result.chosen).toBeNull();
    expect(result.missed).toMatch(/nothing that was tried meets the limits/);
  });
});
