import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const sample = path.join(root, 'samples/factor-cnn');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vernier cli-'));
  for (const name of ['factor-cnn.onnx', 'calibration.npy', 'evaluation.npz', 'labels.npy'])
    await cp(path.join(sample, name), path.join(folder, name));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

function start(args: string[]): ChildProcess {
  return spawn(process.execPath, [path.join(root, 'dist/cli.js'), ...args], { cwd: folder });
}

function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => (out += String(chunk)));
  child.stderr?.on('data', (chunk) => (err += String(chunk)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const cli = (...args: string[]) => ended(start(args));
const evaluation = ['--evaluate.data', 'evaluation.npz', '--evaluate.labels', 'labels.npy'];
const short = ['--latency.seconds', '0.2', '--sensitivity.budget_s', '0'];

describe('vernier', () => {
  it('inspects a model', async () => {
    const { code, out, err } = await cli('inspect', 'factor-cnn.onnx', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const summary = JSON.parse(out);
    expect(summary.layers).toHaveLength(16);
    expect(summary.fusions.every((f: { status: string }) => f.status === 'will')).toBe(true);
  });

  it('says what of a model runs as one, by the graph that the runtime made', async () => {
    const { code, out, err } = await cli('fusions', 'factor-cnn.onnx', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const report = JSON.parse(out);
    const done = report.fusions.filter((f: { status: string }) => f.status === 'done');
    expect(done.length).toBeGreaterThan(0);
    expect(done.every((f: { into: unknown }) => f.into !== null)).toBe(true);
    expect(report).toMatchObject({ mistaken: 0, breaks: [] });
    expect(report.executed_nodes).toBeLessThan(report.nodes);
    expect((await cli('fusions', 'factor-cnn.onnx')).out).toMatch(/Status +Fusion +Layer/);
  });

  it('knows a model that was quantized, and makes floats of it', async () => {
    const made = await cli(
      ...['quantize', 'factor-cnn.onnx', '--data', 'calibration.npy', '-o', 'once.int8.onnx'],
      ...['--until', 'quantize', '--quiet'],
    );
    expect(made.code).toBe(0);
    const summary = JSON.parse((await cli('inspect', 'once.int8.onnx', '--json')).out);
    expect(summary.quantized.formats).toEqual(['qdq']);
    expect(summary.notes.map((n: { code: string }) => n.code)).toContain('already-quantized');
    const twice = await cli(
      ...['quantize', 'once.int8.onnx', '--data', 'calibration.npy', '-o', 'twice.onnx', '--json'],
    );
    expect([twice.code, JSON.parse(twice.out).error.code]).toEqual([2, 'model.already-quantized']);
    const floats = JSON.parse(
      (await cli('dequantize', 'once.int8.onnx', '--data', 'calibration.npy', '--json')).out,
    );
    expect(path.basename(floats.output)).toBe('once.fp32.onnx');
    expect([floats.quantizing_nodes.after, floats.left]).toEqual([0, []]);
    expect(floats.outputs[0].sqnr_db).toBeGreaterThan(5);
    const again = JSON.parse((await cli('inspect', 'once.fp32.onnx', '--json')).out);
    expect([again.quantized, again.layers.length]).toEqual([null, summary.layers.length]);
    // the name that it chooses itself may be the original's
    const twiceNamed = await cli('dequantize', 'once.int8.onnx', '--json');
    expect([twiceNamed.code, JSON.parse(twiceNamed.out).error.code]).toEqual([2, 'cli.usage']);
    const nothing = await cli('dequantize', 'factor-cnn.onnx', '-o', 'no.onnx', '--json');
    expect(JSON.parse(nothing.out).error.code).toBe('model.not-quantized');
  });

  it('quantizes, reports, and runs the recipe that it wrote to the same bytes', async () => {
    const first = await cli(
      ...['quantize', 'factor-cnn.onnx', '--data', 'calibration.npy', '-o', 'out.onnx'],
      ...['--recipe', 'r.quant.yaml', '--report', 'r.html', '--json'],
      ...evaluation,
      ...short,
    );
    expect(first.err).toContain('calibrate');
    expect(first.code).toBe(0);
    const result = JSON.parse(first.out);
    expect(result).toMatchObject({
      mode: 'static',
      int8_mac_share: 1,
      calibration: { samples: 64, source: 'calibration.npy', random: false },
      accuracy: { metric: 'top1', n: 480 },
    });
    expect(result.layers).toHaveLength(16);
    expect(result.sqnr_db.logits).toBeGreaterThan(5);
    expect(await readFile(path.join(folder, 'r.html'), 'utf8')).not.toContain(folder);
    const bytes = await readFile(path.join(folder, 'out.onnx'));
    const second = await cli('run', 'r.quant.yaml');
    expect(second.code).toBe(0);
    expect(second.out).toMatch(/MACs in INT8 +100 %/);
    expect(await readFile(path.join(folder, 'out.onnx'))).toEqual(bytes);
  });

  it('ends with 3 where a limit is not met', async () => {
    const { code, out, err } = await cli(
      ...['quantize', 'factor-cnn.onnx', '--data', 'calibration.npy', '--until', 'evaluate'],
      ...['--limits.sqnr_db', '90', '--json'],
    );
    expect(code).toBe(3);
    expect(JSON.parse(out).limits).toMatchObject([{ limit: 'sqnr_db', wanted: 90, met: false }]);
    expect(err).toContain('limits not met: sqnr_db');
  });

  it('takes a metric of one’s own, and ends with 2 where it fails', async () => {
    const quantize = (metric: string) =>
      cli(
        ...['quantize', 'factor-cnn.onnx', '--data', 'calibration.npy', '-o', 'own.onnx'],
        ...['--until', 'evaluate', '--json', '--evaluate.metric', metric],
        ...evaluation,
      );
    const own = path.join(folder, 'own metric.mjs');
    await writeFile(
      own,
      `export const name = 'hits';
      export default ({ outputs: { logits: { data } }, label }) =>
        data.indexOf(Math.max(...data)) === label ? 1 : 0;`,
    );
    const [ours, given] = [await quantize('top1'), await quantize('./own metric.mjs')];
    expect([ours.code, given.code]).toEqual([0, 0]);
    const { accuracy } = JSON.parse(given.out);
    expect(accuracy).toEqual({
      ...JSON.parse(ours.out).accuracy,
      ...{ metric: 'own metric.mjs', own: { name: 'hits', unit: '' }, labels: null },
    });
    await writeFile(own, "\nexport default () => { throw new Error('no luck'); };");
    const failed = await quantize('./own metric.mjs');
    expect(failed.code).toBe(2);
    expect(JSON.parse(failed.out).error).toMatchObject({
      ...{ code: 'metric.throws', line: 2, remedy: expect.any(String) },
      message: expect.stringMatching(/sample 0 \(evaluation\.npz\) of the FP32 model: no luck/),
    });
  });

  it.each<[string, string[], string]>([
    ['a model that is not there', ['inspect', 'no.onnx'], 'model.not-found'],
    ['a PyTorch file', ['inspect', 'net.pt'], 'model.other-format'],
    ['a file that is no model', ['inspect', 'text.onnx'], 'model.not-onnx'],
    ['data that is not there', ['quantize', 'factor-cnn.onnx', '--data', 'no'], 'data.not-found'],
    ['a recipe that is not there', ['run', 'no.quant.yaml'], 'recipe.not-found'],
    ['a recipe that is no YAML', ['run', 'text.quant.yaml'], 'recipe.'],
    ['a model where a recipe is wanted', ['run', 'text.onnx'], 'cli.usage'],
    ['a wrong flag', ['run', 'r', '--x', '1'], 'cli.usage'],
  ])('ends with 2 for %s', async (_, args, code) => {
    await writeFile(path.join(folder, 'net.pt'), 'x');
    for (const name of ['text.onnx', 'text.quant.yaml'])
      await writeFile(path.join(folder, name), 'this is: [not a model');
    const { code: exit, out } = await cli(...args, '--json');
    const { error } = JSON.parse(out);
    expect(error.code).toMatch(new RegExp(`^${code.replace('.', '\\.')}`));
    expect(error.remedy ?? error.message).toBeTruthy();
    expect(exit).toBe(2);
  });

  it('is cancelled by Ctrl-C and leaves nothing behind', async () => {
    const before = await readdir(folder);
    const child = start([
      ...['quantize', 'factor-cnn.onnx', '--data', 'random', '--calibration.samples', '100000'],
      ...['-o', 'never.onnx'],
    ]);
    const end = ended(child);
    await new Promise<void>((resolve) =>
      child.stderr?.on('data', (chunk) => String(chunk).includes('calibrate') && resolve()),
    );
    child.kill('SIGINT');
    const { code, err } = await end;
    expect(code).toBe(130);
    expect(err).toContain('Cancelled');
    const left = (await readdir(folder)).filter((name) => !before.includes(name));
    expect(left.filter((name) => name !== '.vernier')).toEqual([]);
    const stored = await readdir(path.join(folder, '.vernier')).catch(() => []);
    expect(stored.filter((name) => name.includes('tmp'))).toEqual([]);
  });

  it('says where it wrote, and marks random data', async () => {
    const { code, out } = await cli(
      ...['quantize', 'factor-cnn.onnx', '--data', 'random', '--samples', '4'],
      ...['--until', 'evaluate'],
    );
    expect(code).toBe(0);
    expect(out).toContain('written: factor-cnn.int8.onnx');
    expect(out).toMatch(/random data/);
    expect((await stat(path.join(folder, 'factor-cnn.int8.onnx'))).size).toBeGreaterThan(1000);
  });
});
