import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli';
import { exitCodeOf, exitCodeOfResult } from '../../src/cli/exit-codes';
import type { Io } from '../../src/cli/io';
import { duration, progressLine, ProgressWriter } from '../../src/cli/progress';
import { VernierError, type ErrorCode } from '../../src/errors';
import type { Progress, RunResult } from '../../src/results';
import { modelSummary, runResult } from '../fixtures/result';

let cwd: string;
beforeEach(async () => (cwd = await mkdtemp(path.join(tmpdir(), 'vernier-'))));
afterEach(async () => rm(cwd, { recursive: true, force: true }));

const step: Progress = {
  stage: 'calibrate',
  done: 83,
  total: 128,
  etaSeconds: 8.2,
  memory: 212e6,
};

/** Runs a command line against a made-up worker. */
async function cli(
  args: string[],
  answer: Partial<RunResult> | VernierError = {},
  controller = new AbortController(),
) {
  const out = { text: '', err: '', requests: [] as { method: string; params: unknown }[] };
  const request = async (
    method: string,
    params: unknown,
    listener: { onProgress?(p: Progress): void },
  ) => {
    out.requests.push({ method, params });
    if (answer instanceof VernierError) throw answer;
    if (method === 'inspect') return modelSummary();
    listener.onProgress?.(step);
    return runResult(answer);
  };
  const io: Io = {
    cwd,
    stdout: { write: (text) => (out.text += text) },
    stderr: { write: (text) => (out.err += text) },
    client: { request: request as Io['client']['request'] },
    signal: controller.signal,
    version: '1.2.3',
  };
  const code = await runCli(args, io);
  return { code, ...out };
}

describe('the estimate of a calibration', () => {
  it('is said before anything is done, once', () => {
    let text = '';
    const writer = new ProgressWriter({ write: (line) => (text += line) }, () => 0);
    const begun = { ...step, done: 0, etaSeconds: null };
    const estimate = { tensors: 30, sampleBytes: 1e6, memory: 240e6 };
    writer.show(begun);
    writer.show({ ...begun, estimate });
    writer.show({ ...step, estimate });
    expect(text.split('\n')).toEqual([
      'calibrate    0/128, 212 MB',
      'calibrate    0/128, 212 MB of about 240 MB, 30 tensors',
      '',
    ]);
  });
});

describe('runCli', () => {
  it('prints tables on stdout and progress on stderr', async () => {
    const { code, text, err } = await cli(['run', 'r.yaml']);
    expect(code).toBe(0);
    expect(text).toContain('In INT8 the model is faster');
    expect(text).toContain('written: tiny.int8.onnx');
    expect(err).toContain('calibrate    83/128, 9 s left, 212 MB');
  });

  it('prints one document with --json, and nothing else with --quiet', async () => {
    const { text, err } = await cli(['run', 'r.yaml', '--json', '--quiet']);
    expect(JSON.parse(text)).toMatchObject({ model: 'tiny.onnx', sqnr_db: { scores: 24.53 } });
    expect(err).toBe('');
    expect((await cli(['run', 'r.yaml', '-q'])).text).toBe('');
  });

  it('sends the recipe that the flags amount to, and writes it only when asked', async () => {
    const line = ['quantize', 'net.onnx', '--data', 'random', '--until', 'quantize'];
    const { requests } = await cli(line);
    expect(requests).toEqual([
      {
        method: 'run',
        params: {
          recipePath: path.join(cwd, 'net.quant.yaml'),
          text: 'model: net.onnx\ncalibration:\n  data: random\n',
          until: 'quantize',
        },
      },
    ]);
    expect(await readdir(cwd)).toEqual([]);
    await cli([...line, '--recipe', 'sub/r.quant.yaml']);
    const written = await readFile(path.join(cwd, 'sub/r.quant.yaml'), 'utf8');
    expect(written).toBe('model: ../net.onnx\ncalibration:\n  data: random\n');
  });

  it('writes over no recipe that says something else', async () => {
    await writeFile(path.join(cwd, 'r.yaml'), '# mine\n');
    const { code, err, requests } = await cli([
      ...['quantize', 'net.onnx', '--data', 'random', '--recipe', 'r.yaml'],
    ]);
    expect(code).toBe(2);
    expect(err).toContain("'r.yaml' is there already");
    expect(requests).toEqual([]);
    expect(await readFile(path.join(cwd, 'r.yaml'), 'utf8')).toBe('# mine\n');
  });

  it.each([
    ['a.html', /<!DOCTYPE html>/],
    ['deep/b.md', /# tiny\\?\.onnx in INT8/],
  ])('writes a report to %s', async (file, wanted) => {
    expect((await cli(['run', 'r.yaml', '--report', file])).code).toBe(0);
    expect(await readFile(path.join(cwd, file), 'utf8')).toMatch(wanted);
  });

  it('says that a report cannot be written', async () => {
    await writeFile(path.join(cwd, 'file'), '');
    const { code, err } = await cli(['run', 'r.yaml', '--report', 'file/r.html']);
    expect(code).toBe(1);
    expect(err).toContain('Cannot write');
  });

  it('ends with 3 where a limit is not met, and still prints the result', async () => {
    const limits = [{ limit: 'p99_ms', wanted: 0.1, got: 0.35, met: false }];
    const { code, text, err } = await cli(['run', 'r.yaml', '--json'], { limits });
    expect(code).toBe(3);
    expect(JSON.parse(text)).toMatchObject({ limits });
    expect(err).toContain('limits not met: p99_ms is 0.35, wanted 0.1');
  });

  it('tells of an error with its place and remedy', async () => {
    const error = new VernierError('data.wrong-shape', 'x is [1, 2].', {
      file: path.join(cwd, 'calib.npy'),
      tensor: 'x',
      remedy: 'Give [1, 3].',
    });
    const plain = await cli(['run', 'r.yaml'], error);
    expect(plain.code).toBe(2);
    expect(plain.text).toBe('');
    expect(plain.err).toBe('error: x is [1, 2].\n  in calib.npy, tensor x\n  Give [1, 3].\n');
    const json = await cli(['run', 'r.yaml', '--json'], error);
    expect(JSON.parse(json.text)).toMatchObject({
      error: { code: 'data.wrong-shape', node: null, tensor: 'x', remedy: 'Give [1, 3].' },
    });
  });

  it('ends with 130 after Ctrl-C, whatever failed first', async () => {
    const controller = new AbortController();
    controller.abort();
    const died = new VernierError('job.worker-died', 'The worker process ended (exit SIGINT).');
    expect((await cli(['run', 'r.yaml'], died, controller)).code).toBe(130);
    const cancelled = new VernierError('job.cancelled', 'Cancelled.');
    expect((await cli(['run', 'r.yaml'], cancelled)).code).toBe(130);
  });

  it('answers in JSON even where the command line is wrong', async () => {
    const { code, text } = await cli(['run', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'cli.usage' } });
  });

  it('inspects', async () => {
    expect((await cli(['inspect', 'm.onnx'])).text).toContain('/conv1/Conv');
    const { text, requests } = await cli(['inspect', 'm.onnx', '--json']);
    expect(JSON.parse(text)).toMatchObject({ opset: 17, layers: [{ kind: 'Conv 3×3' }] });
    expect(requests[0]?.params).toEqual({ model: path.join(cwd, 'm.onnx') });
  });

  it.each([
    [['--version'], '1.2.3\n'],
    [['--help'], /Exit codes/],
    [['run', '--help'], /vernier run RECIPE/],
    [['help', 'quantize'], /--quantization\.weights\.granularity\s+channel \| tensor/],
    [['inspect', '--help'], /Nothing is written/],
  ])('%j', async (args, wanted) => {
    const { code, text } = await cli(args);
    expect(code).toBe(0);
    expect(text).toEqual(typeof wanted === 'string' ? wanted : expect.stringMatching(wanted));
  });
});

describe('exit codes', () => {
  it.each<[ErrorCode, number]>([
    ['cli.usage', 2],
    ['model.truncated', 2],
    ['data.empty', 2],
    ['recipe.schema', 2],
    ['job.worker-died', 1],
    ['job.kept-layer-quantized', 1],
    ['job.disk-full', 1],
    ['internal', 1],
    ['limits.not-met', 3],
    ['job.cancelled', 130],
  ])('%s ends with %i', (code, wanted) => expect(exitCodeOf(code)).toBe(wanted));

  it('a limit that was not measured is not missed', () => {
    const limit = { limit: 'p99_ms', wanted: 1, got: null, met: null };
    expect(exitCodeOfResult({ limits: [limit] })).toBe(0);
  });
});

describe('progress', () => {
  it('rewrites one line on a terminal and takes it away', () => {
    let text = '';
    const writer = new ProgressWriter({ write: (t) => (text += t), isTTY: true, columns: 60 });
    writer.show(step);
    writer.end();
    expect(text).toBe('\r\x1b[Kcalibrate    ██████████░░░░░░ 83/128, 9 s left, 212 MB\r\x1b[K');
  });

  it('writes few plain lines elsewhere', () => {
    let [text, now] = ['', 0];
    const writer = new ProgressWriter({ write: (t) => (text += t) }, () => now);
    for (let done = 0; done <= 128; done++, now += 100)
      writer.show({ ...step, done, etaSeconds: null });
    writer.end();
    expect(text.split('\n')).toEqual([
      'calibrate    0/128, 212 MB',
      'calibrate    50/128, 212 MB',
      'calibrate    100/128, 212 MB',
      'calibrate    128/128, 212 MB',
      '',
    ]);
  });

  it('fits into a narrow terminal', () => {
    expect(progressLine({ ...step, detail: 'x' }, false)).toContain('212 MB, x');
    expect([duration(0.4), duration(89), duration(150), duration(6000)]).toEqual([
      '1 s',
      '89 s',
      '3 min',
      '1 h 40 min',
    ]);
  });
});
