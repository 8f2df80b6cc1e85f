/** Shards of a calibration, merged on the command line, and ranges for other tools. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StatisticsFile } from '../../src/jobs/statistics-file';
import { loadModel, serializeModel } from '../../src/onnx';
import { npy, temporaryFolder } from '../lib/files';
import { randomValues } from '../lib/graph';
import { project } from '../lib/project';

const root = path.resolve(import.meta.dirname, '../..');
const folder = temporaryFolder();
let net: Awaited<ReturnType<typeof project>>;

interface Ended {
  code: number | null;
  // what the command printed as JSON
  json: ReturnType<typeof JSON.parse>;
  out: string;
  err: string;
}

function cli(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [path.join(root, 'dist/cli.js'), ...args], {
    cwd: net.at(''),
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  return new Promise((resolve) =>
    child.on('close', (code) =>
      resolve({ code, out, err, json: out.startsWith('{') ? JSON.parse(out) : null }),
    ),
  );
}

const read = (name: string) => JSON.parse(readFileSync(net.at(name), 'utf8')) as StatisticsFile;
/** Without what differs from run to run: the time that it took. */
const lasting = ({ statistics: { seconds: _, ...statistics }, ...head }: StatisticsFile) => ({
  ...head,
  statistics,
});

beforeAll(async () => {
  net = await project(folder, 'net');
  net.write();
});

describe('shards of a calibration', () => {
  it('merge to the statistics of the whole, bit for bit', { timeout: 120_000 }, async () => {
    const whole = await cli('calibrate', 'net.quant.yaml', '-o', 'whole.json', '--json');
    expect(whole.code).toBe(0);
    expect(whole.json.calibration).toMatchObject({ samples: 16, random: false });
    expect(whole.json.statistics).toMatchObject({ from: 0, to: 16, total: 16 });
    // 16 samples in three: 5, 5 and 6
    const sizes: number[] = [];
    for (const i of [3, 1, 2]) {
      const { code, json } = await cli(
        'calibrate',
        'net.quant.yaml',
        '--shard',
        `${i}/3`,
        '--json',
      );
      expect([code, json.calibration]).toEqual([0, null]);
      expect(json.statistics.file).toBe(`net.${i}-of-3.statistics.json`);
      sizes.push(json.statistics.to - json.statistics.from);
    }
    expect(sizes).toEqual([6, 5, 5]);
    const shard = (i: number) => `net.${i}-of-3.statistics.json`;
    const merged = await cli('merge', shard(2), shard(3), shard(1), '-o', 'merged.json', '--json');
    expect(merged.json).toMatchObject({ parts: 3, samples: 16, model: 'net.onnx' });
    expect(lasting(read('merged.json'))).toEqual(lasting(read('whole.json')));

    const refused = async (...files: string[]) => {
      const { code, json } = await cli('merge', ...files, '-o', 'no.json', '--json');
      expect(code).toBe(2);
      expect(json.error.remedy).toBeTruthy();
      return json.error.code as string;
    };
    expect(await refused(shard(1), shard(3))).toBe('data.statistics-missing');
    expect(await refused(shard(1), shard(2))).toBe('data.statistics-missing');
    expect(await refused(shard(1), shard(2), shard(3), shard(2))).toBe('data.statistics-overlap');
    expect(await refused(shard(1), 'net.quant.yaml')).toBe('data.bad-format');
    expect(await refused(shard(1), 'gone.json')).toBe('data.not-found');
    const other = await cli(
      ...[
        'calibrate',
        'net.onnx',
        '--data',
        'evaluation.npy',
        '--shard',
        '2/3',
        '-o',
        'other.json',
      ],
    );
    expect(other.code).toBe(0);
    expect(await refused(shard(1), 'other.json', shard(3))).toBe('data.statistics-key');
    const none = await cli('calibrate', 'net.quant.yaml', '--shard', '1/17', '--json');
    expect(none.json.error.code).toBe('cli.usage');
  });

  it('serve in place of the data', { timeout: 120_000 }, async () => {
    const recipe = { improve: [] };
    net.write({ quantization: recipe });
    expect((await cli('run', 'net.quant.yaml', '--until', 'quantize', '-q')).code).toBe(0);
    // the nodes and constants; what the file says of its recipe differs
    const written = async () => {
      const model = await loadModel(net.at('net.int8.onnx'));
      model.proto.metadataProps = [];
      return serializeModel(model);
    };
    const own = await written();
    net.write({ calibration: { statistics_file: 'merged.json' }, quantization: recipe });
    const { code, json, err } = await cli('run', 'net.quant.yaml', '--until', 'evaluate', '--json');
    expect([code, err.includes('calibrate')]).toEqual([0, false]);
    expect(json.calibration).toEqual({
      samples: 16,
      source: 'calibration.npy, by merged.json',
      random: false,
    });
    expect(await written()).toEqual(own);

    // correcting biases needs samples, and says so
    net.write({ calibration: { statistics_file: 'merged.json' }, evaluate: undefined });
    const codes = async () => {
      const ran = await cli('run', 'net.quant.yaml', '--until', 'quantize', '--json');
      return (ran.json.notes as { code: string }[]).map((n) => n.code);
    };
    expect(await codes()).toContain('not-corrected');
    net.write({ calibration: { data: 'calibration.npy', statistics_file: 'merged.json' } });
    expect(await codes()).not.toContain('not-corrected');

    const part = await cli(
      ...['quantize', 'net.onnx', '--statistics', 'net.1-of-3.statistics.json', '--json'],
    );
    expect(part.json.error.code).toBe('data.statistics-missing');
    const foreign = read('merged.json');
    foreign.model.sha256 = 'another';
    writeFileSync(net.at('foreign.json'), JSON.stringify(foreign));
    const other = await cli('quantize', 'net.onnx', '--statistics', 'foreign.json', '--json');
    expect(other.json.error.code).toBe('data.statistics-key');
  });
});

describe('ranges for other tools', () => {
  it('come back as they went', { timeout: 120_000 }, async () => {
    net.write({ quantization: { activations: { observer: 'percentile', percentile: 99 } } });
    const formats = ['onnxruntime', 'tensor-quant-overrides', 'aimet', 'tensorrt'];
    const exported = await cli(
      ...['calibrate', 'net.quant.yaml', '--json'],
      ...formats.flatMap((format) => ['--export', `${format}=ranges.${format}`]),
    );
    expect(exported.json.exported).toHaveLength(4);
    const scales = async (calibration: object) => {
      const percentile = { activations: { observer: 'percentile', percentile: 99 } };
      net.write({ calibration, quantization: percentile });
      const { json } = await cli('run', 'net.quant.yaml', '--until', 'quantize', '--json');
      return (json.calibration_report.ranges as { tensor: string; scale: number | null }[])
        .filter(({ scale }) => scale !== null)
        .map(({ tensor, scale, ...rest }) => [tensor, scale!, (rest as never)['zero_point']]);
    };
    const own = await scales({ data: 'calibration.npy' });
    expect(own.length).toBeGreaterThan(4);
    for (const format of formats.slice(0, 3))
      expect(await scales({ ranges: `ranges.${format}` })).toEqual(own);
    // magnitudes alone: as wide below zero as above, unless nothing is below
    const image = (list: unknown[][]) => list.find(([tensor]) => tensor === 'image')![1] as number;
    const magnitudes = await scales({ ranges: 'ranges.tensorrt' });
    expect(magnitudes.map(([tensor]) => tensor)).toEqual(own.map(([tensor]) => tensor));
    expect(image(magnitudes) / image(own)).toBeGreaterThanOrEqual(1);
    expect(image(magnitudes) / image(own)).toBeLessThan(1.2);
  });
});

describe('checks of a calibration set', () => {
  it('say where NaN first is, of which sample', { timeout: 60_000 }, async () => {
    const images = randomValues(12 * 192, 'checks');
    images[5 * 192 + 7] = NaN;
    images[9 * 192] = Infinity;
    net.put('nan.npy', npy([12, 3, 8, 8], images));
    net.write({ calibration: { data: 'nan.npy' } });
    const { json } = await cli('calibrate', 'net.quant.yaml', '--json');
    const note = json.notes.find((n: { code: string }) => n.code === 'calibration-not-finite');
    expect(note).toMatchObject({ tensor: 'image', severity: 'warning' });
    expect(note.message).toContain('2 of 12 calibration samples: nan.npy[5], nan.npy[9];');
    const image = json.calibration_report.ranges.find(
      (r: { tensor: string }) => r.tensor === 'image',
    );
    expect(image).toMatchObject({ not_finite: 2, not_finite_in: ['nan.npy[5]', 'nan.npy[9]'] });
    const { out } = await cli('calibrate', 'net.quant.yaml');
    expect(out).toMatch(/image .*2 samples: nan\.npy\[5\], nan\.npy\[9\]/);
  });

  it('compare it with training', { timeout: 60_000 }, async () => {
    const sample = (name: string) => path.join(root, 'samples/factor-cnn', name);
    for (const name of ['factor-cnn.onnx', 'calibration.npy'])
      net.put(`cnn/${name}`, readFileSync(sample(name)));
    const data = ['--data', 'cnn/calibration.npy'];
    const own = await cli('calibrate', 'cnn/factor-cnn.onnx', ...data, '--json');
    const { training_likeness: likeness } = own.json.calibration_report;
    expect(likeness).toMatchObject({ unlike: false, suspicion: null });
    const random = await cli('calibrate', 'cnn/factor-cnn.onnx', '--data', 'random', '--json');
    expect(random.json.calibration_report.training_likeness).toBeNull();
    expect(random.json.calibration.random).toBe(true);
  });
});
