/** DESIGN §7: every bad input ends in a coded error with the place, and every existing file is as it was. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { ErrorCode, VernierError } from '../../src/errors';
import { serializeModel } from '../../src/onnx';
import { writeRanges } from '../../src/quantize/ranges';
import { npy, temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';
import { project } from '../lib/project';

const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<{ writeFile: (...args: unknown[]) => Promise<void> }>();
  const writeFile = (...args: unknown[]) => {
    if (disk.full && String(args[0]).includes('.int8.onnx'))
      return Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    return real.writeFile(...args);
  };
  return { ...real, writeFile };
});

const folder = temporaryFolder();
type Project = Awaited<ReturnType<typeof project>>;

/** What a run of the recipe as it stands fails with. */
async function failure({ recipePath }: Project): Promise<VernierError> {
  return run(recipePath, { until: 'evaluate' }).then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error as VernierError,
  );
}

/** A project whose output exists already, made by a good run. */
async function withOutput(name: string) {
  const p = await project(folder, name);
  p.write();
  await run(p.recipePath, { until: 'quantize' });
  const before = readFileSync(p.at('net.int8.onnx'));
  const untouched = () =>
    readFileSync(p.at('net.int8.onnx')).equals(before) &&
    readdirSync(p.at('.')).every((f) => !f.endsWith('.tmp'));
  return { ...p, untouched };
}

const NAN = Number.NaN;
const image = (count: number, change: (values: Float32Array) => void = () => undefined) => {
  const values = randomValues(count * 192, 'bad');
  change(values);
  return npy([count, 3, 8, 8], values);
};

describe('recipes', () => {
  it.each<[string, string, ErrorCode, number]>([
    ['a key that is not known', 'model: net.onnx\ncalibrate: {}\n', 'recipe.schema', 2],
    ['a value of the wrong type', 'model: net.onnx\nkeep_fp32: conv1\n', 'recipe.schema', 2],
    ['broken YAML', 'model: net.onnx\nkeep_fp32: [a\n', 'recipe.syntax', 2],
    ['a mode of later', 'model: net.onnx\nquantization: { mode: qat }\n', 'recipe.unsupported', 2],
  ])('%s is an error with its line', async (_, text, code, line) => {
    const { recipePath } = await project(folder, `recipe-${code}-${text.length}`);
    await expect(run(recipePath, { text })).rejects.toMatchObject({
      code,
      place: { file: recipePath, line: expect.closeTo(line, -0.5) },
    });
  });

  it('an output that is the model itself is refused', async () => {
    const p = await withOutput('overwrite');
    const model = readFileSync(p.at('net.onnx'));
    p.write({ output: './net.onnx' });
    expect((await failure(p)).code).toBe('recipe.overwrites-model');
    expect(readFileSync(p.at('net.onnx')).equals(model)).toBe(true);
  });

  it('static without data says what is missing', async () => {
    const p = await project(folder, 'no-data');
    p.write({ calibration: undefined, evaluate: undefined });
    const error = await failure(p);
    expect(error.code).toBe('recipe.schema');
    expect(error.place.remedy).toContain('calibration');
  });

  it('everything kept is nothing to quantize', async () => {
    const p = await withOutput('all-kept');
    p.write({ keep_fp32: ['*'] });
    for (const mode of ['static', 'dynamic', 'auto']) {
      p.write({ keep_fp32: ['*'], quantization: { mode } });
      const error = await failure(p);
      expect(error.code).toBe('model.nothing-to-quantize');
      expect(error.place.remedy).toBe('Shorten keep_fp32.');
    }
    expect(p.untouched()).toBe(true);
  });

  it('a model without any layer is sent to no other mode', async () => {
    const g = new GraphBuilder();
    g.outputAs('int64', g.node('best', 'ArgMax', [g.input('image', [1, 3, 8, 8])], { axis: 1 }));
    const p = await project(folder, 'no-layer');
    p.put('net.onnx', serializeModel(g.build()));
    for (const quantization of [
      ...['static', 'dynamic', 'auto'].map((mode) => ({ mode })),
      'auto',
    ]) {
      p.write({ quantization, evaluate: undefined });
      const error = await failure(p);
      expect(error.code).toBe('model.nothing-to-quantize');
      expect(error.place.remedy).not.toContain('mode:');
    }
  });

  it('ranges of another model are told as what they are', async () => {
    const p = await project(folder, 'foreign-ranges');
    const range = { min: 0, max: 1, scale: 1 / 255, zeroPoint: 0, type: 'uint8' } as const;
    p.put('ranges.json', writeRanges(new Map([['other_image', range]]), 'onnxruntime', false));
    p.write({ calibration: { ranges: 'ranges.json' } });
    const error = await failure(p);
    expect(error.code).toBe('model.nothing-to-quantize');
    expect(error.message).toContain("'other_image'");
    expect(error.place.remedy).toContain('belongs to this model');
  });

  it('a name that matches nothing is a warning, not an error', async () => {
    const p = await project(folder, 'no-match');
    p.write({ keep_fp32: ['conv9'] });
    const { result } = await run(p.recipePath, { until: 'quantize' });
    expect(result.layers.every((l) => l.wish === 'quantize')).toBe(true);
    expect(result.notes).toContainEqual(
      expect.objectContaining({ code: 'no-match', severity: 'warning', file: p.recipePath }),
    );
  });
});

describe('models', () => {
  it.each<[string, (p: Project) => void, ErrorCode]>([
    ['that is not there', (p) => p.write({ model: 'gone.onnx' }), 'model.not-found'],
    ['that is no ONNX', (p) => p.put('net.onnx', 'hello, world'), 'model.not-onnx'],
    ['that is cut off', (p) => truncateSync(p.at('net.onnx'), 2000), 'model.truncated'],
    [
      'with an operator that nobody knows',
      (p) => {
        const g = new GraphBuilder();
        const c = g.node('c', 'Conv', [
          g.input('image', [1, 3, 8, 8]),
          g.random('w', [4, 3, 3, 3]),
        ]);
        g.output(g.node('odd', 'Oddity', [c]));
        p.put('net.onnx', serializeModel(g.build()));
      },
      'model.unsupported-op',
    ],
    [
      'with NaN weights',
      (p) => {
        const g = new GraphBuilder();
        const w = g.constant('w', [1, 3, 1, 1], [1, NAN, 2]);
        g.output(g.node('c', 'Conv', [g.input('image', [1, 3, 8, 8]), w]));
        p.put('net.onnx', serializeModel(g.build()));
      },
      'model.nan-weight',
    ],
    [
      'whose weights are missing',
      (p) => {
        const g = new GraphBuilder();
        g.output(g.node('c', 'Conv', [g.input('image', [1, 3, 8, 8]), 'nowhere']));
        p.put('net.onnx', serializeModel(g.build()));
      },
      'model.missing-initializer',
    ],
    [
      'that the runtime refuses',
      (p) => {
        const g = new GraphBuilder();
        const c = g.node('c', 'Conv', [
          g.input('image', [1, 3, 8, 8]),
          g.random('w', [4, 3, 3, 3]),
        ]);
        g.output(g.node('sum', 'Add', [c, g.ints('whole', [1])])); // float + int64
        p.put('net.onnx', serializeModel(g.build()));
      },
      'model.does-not-load',
    ],
  ])('a model %s', async (name, change, code) => {
    const p = await withOutput(`model-${name.replace(/\W/g, '-')}`);
    p.write();
    change(p);
    const error = await failure(p);
    expect(error.code).toBe(code);
    expect(error.place.remedy).toBeTruthy();
    expect(p.untouched()).toBe(true);
  });
});

describe('data', () => {
  it.each<[string, (p: Project) => void, ErrorCode]>([
    [
      'of another shape',
      (p) => p.put('calibration.npy', npy([4, 1, 8, 8], new Float32Array(256))),
      'data.wrong-shape',
    ],
    [
      'of another rank',
      (p) => p.put('calibration.npy', npy([4, 8], new Float32Array(32))),
      'data.wrong-shape',
    ],
    ['that is not there', (p) => p.write({ calibration: { data: 'gone.npy' } }), 'data.not-found'],
    ['that no file matches', (p) => p.write({ calibration: { data: '*.jpg' } }), 'data.empty'],
    [
      'in an empty folder',
      (p) => (mkdirSync(p.at('empty')), p.write({ calibration: { data: 'empty' } })),
      'data.empty',
    ],
    [
      'without samples',
      (p) => p.put('calibration.npy', npy([0, 3, 8, 8], new Float32Array(0))),
      'data.empty',
    ],
    ['that is cut off', (p) => truncateSync(p.at('calibration.npy'), 1000), 'data.bad-format'],
    ['that is no array', (p) => p.put('calibration.npy', 'hello, world'), 'data.bad-format'],
    [
      'that is NaN everywhere',
      (p) =>
        p.put(
          'calibration.npy',
          image(12, (values) => values.fill(NAN)),
        ),
      'data.not-finite',
    ],
    [
      'with fewer labels',
      (p) => p.put('labels.npy', npy([23], new BigInt64Array(23))),
      'data.labels',
    ],
    [
      'with labels for a metric that takes none of them',
      (p) =>
        p.put('labels.npy', npy([24], new Float32Array(24).fill(0.5))) &&
        p.write({ evaluate: { data: 'evaluation.npy', labels: 'labels.npy', metric: 'top1' } }),
      'data.labels',
    ],
  ])('%s', async (name, change, code) => {
    const p = await withOutput(`data-${name.replace(/\W/g, '-')}`);
    p.write();
    change(p);
    const error = await failure(p);
    expect(error.code).toBe(code);
    expect(error.place.remedy).toBeTruthy();
    // evaluation comes after a good model was written; everything else before
    if (code !== 'data.labels') expect(p.untouched()).toBe(true);
  });

  it('with some NaN: the tensors are named and their layers stay float', async () => {
    const p = await project(folder, 'some-nan');
    p.put(
      'calibration.npy',
      image(12, (values) => (values[5] = NAN)),
    );
    p.write();
    const { result } = await run(p.recipePath, { until: 'quantize' }).catch((e: unknown) => ({
      result: e,
    }));
    // one bad sample spoils every tensor after the input, so nothing is left to quantize
    expect(result).toMatchObject({ code: 'model.nothing-to-quantize', place: { node: 'conv1' } });
    expect((result as VernierError).message).toContain("'image' was NaN or infinite in 1 of 12");
    expect((result as VernierError).message).toContain('calibration.npy[0]');
    expect((result as VernierError).place.remedy).toMatch(/^Take these samples out/);
  });

  it('that never changes: the tensor is named', async () => {
    const p = await project(folder, 'constant');
    p.put(
      'calibration.npy',
      image(12, (values) => values.fill(0.25)),
    );
    p.write();
    const { result } = await run(p.recipePath, { until: 'quantize' });
    expect(result.notes).toContainEqual(
      expect.objectContaining({ code: 'range-constant', severity: 'warning', tensor: 'image' }),
    );
    expect(result.ranges.find((r) => r.tensor === 'image')!.scale).toBeCloseTo(0.25 / 255, 9);
  });
});

describe('disks', () => {
  it('full: the old file stays', async () => {
    const p = await withOutput('full');
    p.write({ keep_fp32: ['conv1'] });
    disk.full = true;
    const error = await failure(p).finally(() => (disk.full = false));
    expect(error.code).toBe('job.disk-full');
    expect(error.place.remedy).toBeTruthy();
    expect(p.untouched()).toBe(true);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'not writable: the error names the file',
    async () => {
      const p = await project(folder, 'readonly');
      mkdirSync(p.at('locked'));
      chmodSync(p.at('locked'), 0o500);
      p.write({ output: 'locked/net.int8.onnx' });
      expect((await failure(p)).code).toBe('job.io');
    },
  );

  it('a folder where the output should be', async () => {
    const p = await project(folder, 'folder');
    mkdirSync(path.join(p.at('taken'), 'inside'), { recursive: true });
    p.write({ output: 'taken' });
    expect((await failure(p)).code).toBe('job.io');
    expect(readdirSync(p.at('.')).filter((f) => f.endsWith('.tmp'))).toEqual([]);
  });
});
