import { describe, expect, it } from 'vitest';
import { machineTarget } from '../../src/jobs/cpu';
import { checkLimits } from '../../src/jobs/limits';
import { Memory } from '../../src/jobs/memory';
import { Meter } from '../../src/jobs/meter';
import { makePlan } from '../../src/jobs/plan';
import type { LimitResult, Progress, RunResult } from '../../src/results';

describe('machineTarget', () => {
  const flags = (text: string) => () => Promise.resolve(`processor : 0\nflags : ${text}\n`);

  it.each([
    ['x64', flags('avx2 avx512_vnni'), 'x86-vnni'],
    ['x64', flags('avx2 avx_vnni'), 'x86-vnni'],
    ['x64', flags('sse4_2 avx avx2'), 'x86-avx2'],
    ['arm64', () => Promise.reject(new Error('no such file')), 'arm64'],
  ])('%s', async (arch, cpuinfo, target) => {
    expect(await machineTarget(arch, cpuinfo)).toEqual({ target, note: null });
  });

  it('where nobody says what the processor can, it is the one that is right everywhere', async () => {
    const { target, note } = await machineTarget('x64', () => Promise.reject(new Error('none')));
    expect(target).toBe('x86-avx2');
    expect(note).toContain('VNNI');
  });

  const sysctl = (values: Record<string, string>) => (name: string) =>
    name in values ? Promise.resolve(values[name]!) : Promise.reject(new Error(name));
  const leaf7 = 'machdep.cpu.leaf7_features';
  const dot = 'hw.optional.arm.FEAT_DotProd';
  const unread = () => Promise.reject(new Error('none'));

  it.each([
    ['x64', { platform: 'darwin', sysctl: sysctl({ [leaf7]: 'AVX2 AVX512VNNI' }) }, 'x86-vnni'],
    ['x64', { platform: 'darwin', sysctl: sysctl({ [leaf7]: 'AVX2 BMI2' }) }, 'x86-avx2'],
    ['x64', { platform: 'win32', pairsClip: () => Promise.resolve(true) }, 'x86-avx2'],
    ['x64', { platform: 'win32', pairsClip: () => Promise.resolve(false) }, 'x86-vnni'],
    ['arm64', { platform: 'darwin', sysctl: sysctl({ [dot]: '1' }) }, 'arm64'],
  ] as const)('%s, %o', async (arch, sources, target) => {
    expect(await machineTarget(arch, unread, sources)).toEqual({ target, note: null });
  });

  it('says where an ARM processor has no dot products', async () => {
    const old = () => Promise.resolve('processor : 0\nFeatures : fp asimd crc32\n');
    const { target, note } = await machineTarget('arm64', old);
    expect(target).toBe('arm64');
    expect(note).toContain('dot-product');
    const recent = () => Promise.resolve('Features : fp asimd asimddp i8mm\n');
    expect((await machineTarget('arm64', recent)).note).toBeNull();
  });
});

describe('makePlan', () => {
  const plan = (more: string) =>
    makePlan('/models/a.quant.yaml', `model: a.onnx\ncalibration: { data: random }\n${more}`);

  it.each([
    ['target: x86-vnni', 'uint8', false],
    ['target: x86-avx2', 'uint8', true],
    ['target: arm64', 'int8', false],
    ['target: onnx', 'uint8', false],
    ['target: x86-avx2\nquantization: { activations: { type: int8 } }', 'int8', true],
    ['target: arm64\nquantization: { activations: { type: uint8 } }', 'uint8', false],
  ])('%s', async (text, activationType, headroom) => {
    expect(await plan(text)).toMatchObject({ activationType, headroom, targetWasAuto: false });
  });

  it('decides for this machine, and says so, where the recipe leaves it open', async () => {
    const { target, targetWasAuto } = await plan('');
    expect(targetWasAuto).toBe(true);
    expect(target).toMatch(/^(x86-vnni|x86-avx2|arm64)$/);
  });
});

describe('checkLimits', () => {
  const result = {
    accuracy: { metric: 'top1', fp32: 0.75, int8: 0.7 },
    latency: { int8P50: 2, int8P99: 5, speedup: 1.5 },
    size: { fp32: 100, int8: 30 },
    sqnrDb: { a: 30, b: 20 },
    outputs: [{ maxAbs: 0.1 }, { maxAbs: 0.4 }],
  } as unknown as RunResult;

  it.each([
    ['top1_drop', 0.06, 0.05, true],
    ['top1_drop', 0.04, 0.05, false],
    ['p50_ms', 2, 2, true],
    ['p99_ms', 4, 5, false],
    ['size_ratio', 0.3, 0.3, true],
    ['speedup', 1.6, 1.5, false],
    ['speedup', 1.5, 1.5, true],
    ['sqnr_db', 25, 20, false], // the worst output counts
    ['max_abs', 0.3, 0.4, false],
  ])('%s %d', (limit, wanted, got, met) => {
    const [checked] = checkLimits({ [limit]: wanted }, result);
    expect(checked).toMatchObject({ limit, wanted, met });
    expect(checked!.got).toBeCloseTo(got, 9);
  });

  it('what was not measured is neither met nor missed', () => {
    const nothing = { accuracy: null, latency: null, size: null, sqnrDb: {}, outputs: [] };
    const wanted = { top1_drop: 1, p50_ms: 1, size_ratio: 1, sqnr_db: 1, max_abs: 1, speedup: 1 };
    const checked = checkLimits(wanted, nothing as unknown as RunResult);
    expect(checked.map((c) => [c.got, c.met])).toEqual(new Array(6).fill([null, null]));
  });

  it.each([
    [{ metric: './f1.mjs', fp32: 0.8, int8: 0.7, higherIsBetter: true }, 0.1],
    [{ metric: 'mse', fp32: 1, int8: 1.25, higherIsBetter: false }, 0.25],
    [{ metric: 'mse', fp32: 1, int8: 0.5, higherIsBetter: false }, -0.5],
    [{ metric: 'sqnr', fp32: null, int8: 30, higherIsBetter: true }, null],
  ])('metric_drop is what %o got worse by', (accuracy, drop) => {
    const measured = { ...result, accuracy } as RunResult;
    const [{ got, met }] = checkLimits({ metric_drop: 0.2 }, measured) as [LimitResult];
    if (drop === null) expect([got, met]).toEqual([null, null]);
    else expect([got!.toFixed(9), met]).toEqual([drop.toFixed(9), drop <= 0.2]);
  });

  it('a drop of another metric is no drop of top-1', () => {
    const other = { ...result, accuracy: { metric: 'mse', fp32: 1, int8: 0.5 } };
    expect(checkLimits({ top1_drop: 1 }, other as RunResult)[0]!.met).toBeNull();
  });
});

describe('Memory', () => {
  it('gives back what a forgotten value holds, and nothing else', async () => {
    const memory = new Memory(2);
    const released: string[] = [];
    const get = (key: string) =>
      memory.get(
        'session',
        key,
        () => Promise.resolve(key),
        (value) => Promise.resolve(void released.push(value)),
      );
    await get('a');
    await get('b');
    await get('a');
    expect(released).toEqual([]);
    await get('c'); // the oldest in use is now b
    await Promise.resolve();
    expect(released).toEqual(['b']);
    expect([memory.has('session', 'a'), memory.has('session', 'b')]).toEqual([true, false]);
  });

  it('remembers the youngest few of each kind', async () => {
    const memory = new Memory(2);
    let made = 0;
    const get = (key: string) => memory.get('kind', key, () => Promise.resolve(++made));
    expect([await get('a'), await get('b'), await get('a'), await get('c')]).toEqual([1, 2, 1, 3]);
    expect(['a', 'b', 'c'].map((key) => memory.has('kind', key))).toEqual([true, false, true]);
    expect(memory.has('other', 'a')).toBe(false);
  });

  it('shares what is being made, and forgets what failed', async () => {
    const memory = new Memory();
    let tries = 0;
    const get = () =>
      memory.get('kind', 'a', () => {
        tries++;
        return tries === 1 ? Promise.reject(new Error('first')) : Promise.resolve(tries);
      });
    const [first, second] = [get(), get()];
    await expect(first).rejects.toThrow('first');
    await expect(second).rejects.toThrow('first');
    expect(await get()).toBe(2);
  });
});

describe('Meter', () => {
  it('sends first and last, and not all between', async () => {
    const sent: Progress[] = [];
    const meter = new Meter((p) => sent.push(p));
    await meter.begin('calibrate', 1000, 'words');
    for (let i = 1; i <= 1000; i++) await meter.step(i, 1000);
    expect(sent[0]).toMatchObject({ stage: 'calibrate', done: 0, total: 1000, detail: 'words' });
    expect(sent.at(-1)).toMatchObject({ done: 1000, total: 1000 });
    expect(sent.length).toBeLessThan(200);
    expect(sent[0]!.etaSeconds).toBeNull();
  });
});
