/** Ranges from elsewhere, from recipe to written file. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { calibrateRecipe } from '../../src/jobs/calibrate';
import { Memory } from '../../src/jobs/memory';
import { loadModel } from '../../src/onnx';
import {
  RANGE_FORMATS,
  readRanges,
  writeRanges,
  type ExportedRange,
  type RangeFormat,
} from '../../src/quantize/ranges';
import type { RunResult } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run, WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();

const exported = (result: RunResult, omit: string[] = []) =>
  new Map(
    result.ranges.flatMap(
      ({ tensor, min, max, scale, zeroPoint, type }): [string, ExportedRange][] =>
        scale === null || omit.includes(tensor)
          ? []
          : [[tensor, { min, max, scale, zeroPoint: zeroPoint!, type: type as 'uint8' }]],
    ),
  );
const scales = ({ ranges }: RunResult) =>
  ranges.flatMap(({ tensor, scale, zeroPoint }) =>
    scale === null ? [] : [[tensor, scale, zeroPoint]],
  );

describe('calibration.ranges', () => {
  it('gives the very quantizers that it names, without any data', { timeout: 60_000 }, async () => {
    const { recipePath, write, put } = await project(folder, 'alone');
    const weights = { granularity: 'tensor' };
    const plain = await run(recipePath, {
      text: write({ quantization: { weights } }),
      until: 'quantize',
    });
    for (const format of ['overrides', 'aimet'] as const) {
      put(`ranges.${format}`, writeRanges(exported(plain.result), format, true));
      const { result, stages } = await run(recipePath, {
        text: write({
          calibration: { ranges: `ranges.${format}` },
          quantization: { weights },
          output: `${format}.onnx`,
        }),
        until: 'evaluate',
      });
      expect(stages).not.toContain('calibrate');
      expect(scales(result)).toEqual(scales(plain.result));
      expect(result.calibrationReport?.ranges).toMatchObject({
        format,
        tensors: exported(result).size,
      });
      expect(Object.values(result.sqnrDb)[0]).toBeGreaterThan(15);
      expect(result.calibration?.random).toBe(true);
      expect(result.notes.some((n) => n.code === 'random-calibration')).toBe(true);
      const written = await loadModel(result.output!);
      expect(written.metadata('vernier.calibration.random')).toBe('true');
      expect(written.metadata('vernier.calibration')).toContain(`ranges.${format}`);
    }
  });

  it('leaves the rest to the data, or float with the reason', { timeout: 60_000 }, async () => {
    const { recipePath, write, put } = await project(folder, 'some');
    const plain = await run(recipePath, { text: write(), until: 'quantize' });
    const table = exported(plain.result, ['image']);
    table.set('elsewhere', { min: -1, max: 1, scale: 0.1, zeroPoint: 3, type: 'uint8' });
    put('some.json', writeRanges(table, 'onnxruntime', false));
    const both = await run(recipePath, {
      text: write({ calibration: { data: 'calibration.npy', ranges: 'some.json' } }),
      until: 'quantize',
    });
    expect(both.result.layers.map((l) => l.precision)).toEqual(
      plain.result.layers.map((l) => l.precision),
    );
    expect(both.result.notes).toContainEqual(
      expect.objectContaining({ code: 'ranges-unknown-tensor' }),
    );
    const { result } = await run(recipePath, {
      text: write({ calibration: { ranges: 'some.json' }, evaluate: undefined }),
      until: 'quantize',
    });
    const conv1 = result.layers.find(({ name }) => name === 'conv1')!;
    expect(conv1).toMatchObject({ precision: 'float32' });
    expect(conv1.reason).toContain('some.json');
  });

  it('of which entries are mistakes name them, and write none of them', async () => {
    const { recipePath, write, put } = await project(folder, 'mistakes');
    const plain = await run(recipePath, { text: write(), until: 'quantize' });
    const written = writeRanges(exported(plain.result), 'overrides', false) as string;
    const image = [{ quant_type: 'QUInt8', scale: 1e-60, zero_point: 0 }];
    put('v.json', JSON.stringify({ ...(JSON.parse(written) as object), image }));
    const { result } = await run(recipePath, {
      text: write({ calibration: { ranges: 'v.json' }, evaluate: undefined }),
      until: 'quantize',
    });
    const note = result.notes.find(({ code }) => code === 'ranges-skipped')!;
    expect(note).toMatchObject({ severity: 'warning', tensor: 'image', file: 'v.json' });
    expect(note.remedy).toBeDefined();
    expect(result.layers.find(({ name }) => name === 'conv1')!.precision).toBe('float32');
    expect(scales(result).every(([, scale]) => Number(scale) >= 2 ** -126)).toBe(true);
  });

  it('of one single value are not laid to calibration data', async () => {
    const { recipePath, write, put } = await project(folder, 'single');
    put('zero.json', JSON.stringify({ image: [{ rmin: 0, rmax: 0 }] }));
    const { result } = await run(recipePath, {
      text: write({ calibration: { data: 'calibration.npy', ranges: 'zero.json' } }),
      until: 'quantize',
    });
    const note = result.notes.find(({ code }) => code === 'range-constant')!;
    expect(note).toMatchObject({ severity: 'warning', tensor: 'image', file: 'zero.json' });
    expect(note.message).toContain('(0)');
  });

  it('that are magnitudes begin at zero behind a Relu', async () => {
    const { recipePath, write, put } = await project(folder, 'magnitudes');
    const plain = await run(recipePath, { text: write(), until: 'quantize' });
    put('table.cache', writeRanges(exported(plain.result), 'onnxruntime-text', false));
    const { result } = await run(recipePath, {
      text: write({ calibration: { ranges: 'table.cache' }, evaluate: undefined }),
      until: 'quantize',
    });
    const range = (tensor: string) => result.ranges.find((r) => r.tensor === tensor)!;
    expect(range('relu1_out')).toMatchObject({ min: 0, zeroPoint: 0 });
    expect(range('image').min).toBe(-range('image').max);
  });

  it('that cannot be read says so', async () => {
    const { recipePath, write, put } = await project(folder, 'bad');
    put('bad.json', '{"a": [2, 1]}');
    const wanting = (ranges: string) =>
      run(recipePath, { text: write({ calibration: { ranges } }), until: 'quantize' });
    await expect(wanting('gone.json')).rejects.toMatchObject({ code: 'data.not-found' });
    await expect(wanting('bad.json')).rejects.toMatchObject({ code: 'data.bad-format' });
  });
});

describe('exported ranges', () => {
  const hooks = { progress: () => undefined, partial: () => undefined };
  /** Exports what a recipe gives, in a format, and answers the file's name with the result that was exported. */
  const exportAs = async (
    { recipePath, at }: Awaited<ReturnType<typeof project>>,
    text: string,
    format: RangeFormat,
  ) => {
    const file = `exported.${format}`;
    const request = { recipePath, text, exports: [{ format, file: at(file) }] };
    const made = await calibrateRecipe(request, new Memory(), hooks, WORKER);
    return { file, made: made.exported[0]! };
  };

  it.each([
    ['fpga-fixed', 'overrides'],
    ['fpga-fixed', 'aimet'],
    ['tensorrt', 'overrides'],
    ['tensorrt', 'aimet'],
    ['x86-vnni', 'aimet'],
  ] as const)('for %s give the same scales back from %s', async (target, format) => {
    const net = await project(folder, `back-${target}-${format}`);
    const settings = { target, quantization: { improve: [], weights: { granularity: 'tensor' } } };
    const text = net.write({ ...settings, evaluate: undefined });
    const plain = await run(net.recipePath, { text, until: 'quantize' });
    const { file } = await exportAs(net, text, format);
    const { result } = await run(net.recipePath, {
      text: net.write({ ...settings, calibration: { ranges: file }, evaluate: undefined }),
      until: 'quantize',
    });
    expect(scales(result)).toEqual(scales(plain.result));
  });

  it.each<[string, object]>([
    ['all layers', { quantization: { activations: { type: 'int16' }, improve: [] } }],
    ['the last', { layers: [{ match: 'fc', activations: 'int16' }] }],
    ['an Add', { layers: [{ match: 'add', activations: 'uint16' }] }],
    ['a convolution', { layers: [{ match: 'conv2', activations: 'int16' }] }],
  ])('have the 16 bits of %s', async (_, settings) => {
    const net = await project(folder, `wide-${Object.keys(settings)[0]}-${_.replaceAll(' ', '-')}`);
    const quantization = { improve: [], weights: { granularity: 'tensor' } };
    const text = net.write({ quantization, ...settings, evaluate: undefined });
    const { result } = await run(net.recipePath, { text, until: 'quantize' });
    const { file } = await exportAs(net, text, 'overrides');
    const { ranges } = readRanges(file, readFileSync(net.at(file)));
    const written = result.ranges.filter(({ scale }) => scale !== null);
    expect(written.some(({ type }) => type!.endsWith('16'))).toBe(true);
    for (const { tensor, scale, zeroPoint, type } of written)
      expect([tensor, ranges.get(tensor)?.params]).toEqual([tensor, { scale, zeroPoint, type }]);
  });

  it('say that they are random, or that they cannot', { timeout: 60_000 }, async () => {
    const net = await project(folder, 'random');
    const text = net.write({ calibration: { data: 'random', samples: 4 }, evaluate: undefined });
    for (const format of RANGE_FORMATS) {
      const { file, made } = await exportAs(net, text, format);
      const { random } = readRanges(file, readFileSync(net.at(file)));
      expect([format, random, made.unmarked]).toEqual([
        format,
        format !== 'tensorrt',
        format === 'tensorrt',
      ]);
    }
  });
});

describe('a tensor with one single value', () => {
  it('that no data can change is no fault of the data', async () => {
    // its initial state is zeros of the batch's size
    const sample = path.resolve(import.meta.dirname, '../../samples/price-lstm');
    const [recipePath] = ['lstm.quant.yaml', 'price-lstm.onnx', 'calibration.npz'].map((name) =>
      folder.put(
        path.join('lstm', name),
        name.endsWith('.yaml') ? '' : readFileSync(path.join(sample, name)),
      ),
    );
    const recipe = {
      model: 'price-lstm.onnx',
      output: 'lstm.int8.onnx',
      calibration: { data: 'calibration.npz', samples: 8 },
      quantization: { mode: 'static', improve: [] },
    };
    const { result } = await run(recipePath!, { text: stringify(recipe), until: 'quantize' });
    const notes = result.notes.filter(({ code }) => code === 'range-constant');
    expect(notes.map(({ tensor, severity }) => [tensor, severity])).toEqual([
      ['/lstm/ConstantOfShape_output_0', 'info'],
    ]);
    expect(notes[0]!.remedy).toBeUndefined();
  });
});
