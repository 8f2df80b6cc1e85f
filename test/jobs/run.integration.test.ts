import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Memory } from '../../src/jobs/memory';
import { readResult } from '../../src/jobs/store';
import { parseModel } from '../../src/onnx';
import { npy, temporaryFolder } from '../lib/files';
import { randomValues } from '../lib/graph';
import { run } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
const codes = (notes: { code: string }[]) => notes.map((n) => n.code);
const calibrations = (at: (file: string) => string) =>
  readdirSync(at('.vernier')).filter((f) => f.includes('.calibration.'));

describe('runRecipe', () => {
  it('goes the whole way and stores what it returns', async () => {
    const { recipePath, write, at } = await project(folder, 'whole');
    write({ limits: { top1_drop: 1, sqnr_db: 200, size_ratio: 2 } });
    const { result, stages, partials } = await run(recipePath);

    expect(stages).toEqual([
      ...['read', 'calibrate', 'quantize', 'verify', 'evaluate', 'layer errors'],
      ...['latency', 'sensitivity'],
    ]);
    expect(result).toMatchObject({
      format: 1,
      mode: 'static',
      complete: true,
      int8MacShare: 1,
      writtenInt8MacShare: 1,
      calibration: { samples: 16, source: 'calibration.npy', random: false },
      evaluatedOn: { samples: 24, heldBack: false },
      accuracy: { metric: 'top1', fp32: 1, n: 24, higherIsBetter: true },
      agreement: { n: 24 },
    });
    expect(result.layers.map((l) => [l.name, l.executed])).toEqual(
      ['conv1', 'conv2', 'add', 'pool', 'fc'].map((name) => [name, 'int8']),
    );
    expect(result.sqnrDb.scores).toBeGreaterThan(20);
    expect(result.limits).toEqual([
      { limit: 'top1_drop', wanted: 1, got: 1 - result.accuracy!.int8, met: true },
      { limit: 'sqnr_db', wanted: 200, got: result.sqnrDb.scores, met: false },
      { limit: 'size_ratio', wanted: 2, got: expect.any(Number), met: true },
    ]);
    expect(result.latency!.pairs).toBeGreaterThanOrEqual(5);
    expect(result.latency!.profile).toMatchObject({ matched: 1 });
    expect(result.layerMatch).toEqual({ found: 5, of: 5, unmatched: [] });
    for (const { name, noise } of result.layers) {
      // what rounds to its own codes has no less than most of 1/√12 of a step; fc leaves the model as float
      const steps = noise!.accumulated!.rmsePerScale;
      if (name === 'fc') expect(steps).toBeNull();
      else expect(steps, name).toBeGreaterThan(0.2);
      expect(noise!.local!.rmse, name).toBeGreaterThan(0);
    }
    expect(result.worstSamples).toHaveLength(5);
    const suffered = result.worstSamples.map((s) => s.sqnrDb);
    expect(suffered).toEqual([...suffered].sort((a, b) => a - b));
    // the whole is between its worst part and its best one
    expect(suffered[0]).toBeLessThanOrEqual(result.sqnrDb.scores!);
    expect(new Set(result.worstSamples.map((s) => s.sample)).size).toBe(5);
    expect(result.size!.int8).toBe(statSync(at('net.int8.onnx')).size);
    const shares = result.layers.map((l) => l.noiseShare ?? 0);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(await readResult(recipePath)).toEqual(JSON.parse(JSON.stringify(result)));
    expect(partials.every((p) => !p.complete)).toBe(true);
    expect(readdirSync(at('.')).filter((f) => f.endsWith('.tmp'))).toEqual([]);
    expect(readFileSync(at('.vernier/.gitignore'), 'utf8')).toBe('*\n');
  });

  it('partial results grow', async () => {
    const { recipePath, write } = await project(folder, 'partials');
    write();
    const { partials } = await run(recipePath);
    const known = partials.map(
      (p) =>
        [
          p.calibration !== null,
          p.layers.length > 0,
          p.accuracy !== null,
          p.layers.some((l) => l.local !== null),
          p.latency !== null,
          p.layers.some((l) => l.onlyThisDb !== null),
        ].filter(Boolean).length,
    );
    expect(known).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ['calibrate', { output: false, accuracy: false, local: false, latency: false }],
    ['quantize', { output: true, accuracy: false, local: false, latency: false }],
    ['evaluate', { output: true, accuracy: true, local: true, latency: false }],
  ] as const)('until %s', async (until, expected) => {
    const { recipePath, write, at } = await project(folder, `until-${until}`);
    write();
    const { result } = await run(recipePath, { until });
    expect({
      output: existsSync(at('net.int8.onnx')),
      accuracy: result.accuracy !== null,
      local: result.layers.some((l) => l.local !== null),
      latency: result.latency !== null,
    }).toEqual(expected);
    expect(result.ranges.length).toBeGreaterThan(0);
  });

  it('looking at ranges again keeps the stored result', async () => {
    const { recipePath, write } = await project(folder, 'ranges');
    write();
    const { result } = await run(recipePath, { until: 'evaluate' });
    await run(recipePath, { until: 'calibrate' });
    expect((await readResult(recipePath))!.finishedAt).toBe(result.finishedAt);
  });

  it('takes unsaved text instead of the file', async () => {
    const { recipePath, write } = await project(folder, 'unsaved');
    const text = write({ keep_fp32: ['conv1'] });
    write();
    const { result } = await run(recipePath, { text, until: 'quantize' });
    expect(result.layers[0]).toMatchObject({
      name: 'conv1',
      wish: 'keep',
      precision: 'float32',
      executed: 'float32',
      reason: 'kept in FP32 by the recipe',
    });
  });
});

describe('keep_fp32', () => {
  it.each([
    ['the name of an absorbed node', ['relu1'], ['conv1']],
    ['a glob', ['conv*'], ['conv1', 'conv2']],
    ['an operator', [{ op: 'gemm' }], ['fc']],
  ])('takes %s', async (_, keep_fp32, kept) => {
    const { recipePath, write } = await project(folder, `keep-${kept.join()}`);
    write({ keep_fp32 });
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(result.layers.filter((l) => l.wish === 'keep').map((l) => l.name)).toEqual(kept);
    for (const layer of result.layers.filter((l) => l.wish === 'keep'))
      expect([layer.precision, layer.executed]).toEqual(['float32', 'float32']);
  });
});

describe('modes and settings', () => {
  it('dynamic needs no calibration, and says why convolutions stay float', async () => {
    const { recipePath, write, at } = await project(folder, 'dynamic');
    // layers alone on all samples, as the whole model
    const sensitivity = { samples: 24 };
    write({ quantization: { mode: 'dynamic' }, calibration: undefined, sensitivity });
    const { result, stages } = await run(recipePath);
    expect(stages).not.toContain('calibrate');
    const layer = (name: string) => result.layers.find((l) => l.name === name)!;
    expect(layer('fc')).toMatchObject({ executed: 'int8', kernel: 'DynamicQuantizeMatMul' });
    expect(layer('conv1')).toMatchObject({ executed: 'float32', wish: 'quantize' });
    expect(layer('conv1').reason).toContain('many times slower');
    expect(layer('fc').onlyThisDb).toBeCloseTo(result.sqnrDb.scores!, 0);
    expect(layer('fc').noiseShare).toBe(1);
    expect(result.calibration).toBeNull();
    const written = parseModel(readFileSync(at('net.int8.onnx')));
    expect(written.metadata('vernier.mode')).toBe('dynamic');
    expect(written.metadata('vernier.activations')).toBeUndefined();
  });

  it('without any data a dynamic model is written and nothing is measured', async () => {
    const { recipePath, write } = await project(folder, 'blind');
    write({ quantization: { mode: 'dynamic' }, calibration: undefined, evaluate: undefined });
    const { result } = await run(recipePath);
    expect(codes(result.notes)).toContain('not-evaluated');
    expect([result.accuracy, result.latency, result.evaluatedOn]).toEqual([null, null, null]);
    expect(result.size!.int8).toBeGreaterThan(0);
  });

  it.each([
    ['one scale for a weight', { weights: { granularity: 'tensor' } }, 15],
    ['a moving average', { activations: { observer: 'moving-average' } }, 10],
    ['bias correction', { improve: ['bias-correction'] }, 20],
  ])('%s', async (name, quantization, least) => {
    const { recipePath, write } = await project(folder, name.replaceAll(' ', '-'));
    write({ quantization });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result.layers.map((l) => l.executed)).toEqual(new Array(5).fill('int8'));
    expect(result.sqnrDb.scores).toBeGreaterThan(least);
  });

  it.skipIf(process.arch === 'arm64')(
    'says that x86 runs signed activations in float',
    async () => {
      const { recipePath, write } = await project(folder, 'signed');
      write({ quantization: { activations: { type: 'int8' } } });
      const { result } = await run(recipePath, { until: 'quantize' });
      const conv = result.layers.filter((l) => l.op === 'Conv');
      expect(conv.map((l) => [l.precision, l.executed])).toEqual([
        ['int8', 'float32'],
        ['int8', 'float32'],
      ]);
      expect(conv[0]!.reason).toContain('executes it in float');
      expect(result.int8MacShare).toBeLessThan(result.writtenInt8MacShare!);
      const noted = result.notes.filter((n) => n.code === 'executed-float').map((n) => n.layer);
      expect(noted).toEqual(['conv1', 'conv2']);
    },
  );

  it('a layer may have an observer of its own', async () => {
    const { recipePath, write } = await project(folder, 'own-observer');
    write();
    const before = await run(recipePath, { until: 'quantize' });
    write({ layers: [{ match: 'conv1', observer: 'moving-average' }] });
    const after = await run(recipePath, { until: 'quantize' });
    const scale = ({ result }: typeof after, tensor: string) =>
      result.ranges.find((r) => r.tensor === tensor)!.scale!;
    expect(scale(after, 'relu1_out')).toBeLessThan(scale(before, 'relu1_out'));
    expect(scale(after, 'relu2_out')).toBe(scale(before, 'relu2_out'));
  });
});

describe('cache', () => {
  it('changing keep_fp32 never calibrates again', async () => {
    const { recipePath, write, at } = await project(folder, 'switch');
    write();
    const memory = new Memory();
    await run(recipePath, { until: 'evaluate' }, memory);
    const [file] = calibrations(at);
    const before = statSync(at(`.vernier/${file}`)).mtimeMs;
    write({ keep_fp32: ['conv2'] });
    // in the same process, and in one that has nothing but the files
    for (const remembered of [memory, new Memory()]) {
      const { result, stages } = await run(recipePath, { until: 'evaluate' }, remembered);
      expect(stages).not.toContain('calibrate');
      expect(result.layers.find((l) => l.name === 'conv2')!.executed).toBe('float32');
      expect(result.seconds.calibrate).not.toBeNull();
    }
    expect(calibrations(at)).toEqual([file]);
    expect(statSync(at(`.vernier/${file}`)).mtimeMs).toBe(before);
  });

  it('local errors and sensitivity are not measured again either', async () => {
    const { recipePath, write } = await project(folder, 'again');
    write();
    const first = await run(recipePath);
    write({ keep_fp32: ['fc'] });
    const second = await run(recipePath);
    const measured = ({ result }: typeof first) =>
      result.layers.map((l) => [l.name, l.local?.sqnrDb, l.onlyThisDb]);
    expect(measured(second)).toEqual(measured(first));
    expect(second.result.layers.find((l) => l.name === 'fc')).toMatchObject({
      noiseShare: null,
      hurts: false,
    });
    // nothing reads the pool in integers now, so neither it nor the Add is quantized
    const noisy = second.result.layers.filter((l) => l.noiseShare !== null);
    expect(noisy.map((l) => l.name)).toEqual(['conv1', 'conv2']);
  });

  it('the same recipe gives the same bytes, cached or not', async () => {
    const a = await project(folder, 'bytes-a');
    const b = await project(folder, 'bytes-b');
    const bytes: Buffer[] = [];
    for (const { recipePath, write, at } of [a, a, b]) {
      write();
      await run(recipePath, { until: 'quantize' });
      bytes.push(readFileSync(at('net.int8.onnx')));
    }
    expect(bytes[1]!.equals(bytes[0]!)).toBe(true);
    expect(bytes[2]!.equals(bytes[0]!)).toBe(true);
  });

  it('other data calibrates again, and old statistics are forgotten', async () => {
    const { recipePath, write, at } = await project(folder, 'forget');
    for (const samples of [4, 5, 6, 7]) {
      write({ calibration: { data: 'calibration.npy', samples } });
      const { stages } = await run(recipePath, { until: 'calibrate' });
      expect(stages).toContain('calibrate');
    }
    expect(calibrations(at)).toHaveLength(3);
  });

  it('a damaged cache is no cache', async () => {
    const { recipePath, write, at, put } = await project(folder, 'damaged');
    write();
    await run(recipePath, { until: 'calibrate' });
    put(`.vernier/${calibrations(at)[0]}`, '{"tensors": [');
    const { stages } = await run(recipePath, { until: 'calibrate' });
    expect(stages).toContain('calibrate');
  });
});

describe('data', () => {
  it('random data is marked wherever it can be seen', async () => {
    const { recipePath, write, at } = await project(folder, 'random');
    write({ calibration: { data: 'random', samples: 12 }, evaluate: undefined });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result.calibration).toEqual({ samples: 12, source: 'random', random: true });
    expect(codes(result.notes)[0]).toBe('random-calibration');
    expect(result.evaluatedOn).toMatchObject({ samples: 3, heldBack: true });
    const written = parseModel(readFileSync(at('net.int8.onnx')));
    expect(written.metadata('vernier.calibration.random')).toBe('true');
    expect(written.metadata('vernier.calibration')).toBe('random');
  });

  it('real data is not', async () => {
    const { recipePath, write, at } = await project(folder, 'real');
    write();
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(codes(result.notes)).toEqual(['can-clip-without-vnni']);
    const written = parseModel(readFileSync(at('net.int8.onnx')));
    expect(written.metadata('vernier.calibration.random')).toBeUndefined();
    expect(written.metadata('vernier.source.sha256')).toMatch(/^[0-9a-f]{64}$/);
    expect(written.proto.producerName).toBe('vernier');
  });

  it.each([
    ['samples that are not used', { samples: 6 }, 6, { samples: 10, heldBack: true }],
    ['every fifth where all are used', {}, 13, { samples: 3, heldBack: true }],
  ])('holds back %s', async (_, calibration, samples, evaluatedOn) => {
    const { recipePath, write } = await project(folder, `held-${samples}`);
    write({ calibration: { data: 'calibration.npy', ...calibration }, evaluate: undefined });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result.calibration!.samples).toBe(samples);
    expect(result.evaluatedOn).toMatchObject(evaluatedOn);
    expect(result.accuracy).toBeNull();
    expect(result.agreement!.n).toBe(evaluatedOn.samples);
  });

  it('few samples serve twice, and that is said', async () => {
    const { recipePath, write, put } = await project(folder, 'few');
    put('few.npy', npy([6, 3, 8, 8], randomValues(6 * 192, 'few')));
    write({ calibration: { data: 'few.npy' }, evaluate: undefined });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result.calibration!.samples).toBe(6);
    expect(result.evaluatedOn).toMatchObject({ samples: 6, heldBack: false });
    expect(codes(result.notes)).toContain('evaluated-on-calibration');
  });

  it('limits that were not measured are neither met nor missed', async () => {
    const { recipePath, write } = await project(folder, 'limits');
    write({ evaluate: { data: 'evaluation.npy' }, limits: { top1_drop: 0.1, p99_ms: 1000 } });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(result.limits).toEqual([
      { limit: 'top1_drop', wanted: 0.1, got: null, met: null },
      { limit: 'p99_ms', wanted: 1000, got: null, met: null },
    ]);
  });

  it('evaluation data that is also calibration data is a warning', async () => {
    const { recipePath, write } = await project(folder, 'both');
    write({ evaluate: { data: 'calibration.npy' } });
    const { result } = await run(recipePath, { until: 'evaluate' });
    expect(codes(result.notes)).toContain('evaluated-on-calibration');
  });
});
