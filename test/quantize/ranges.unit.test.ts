/** Files with ranges: those that onnxruntime itself wrote (ranges/make.py), published examples, and ours read back. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { chooseParams } from '../../src/numeric';
import {
  RANGE_FORMATS,
  readRanges,
  writeRanges,
  type ExportedRange,
} from '../../src/quantize/ranges';

const fixture = (name: string) =>
  readRanges(name, readFileSync(path.join(import.meta.dirname, 'ranges', name)));
const text = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const json = (value: unknown) => readRanges('x.json', text(value));
const plain = (found: ReturnType<typeof readRanges>) =>
  Object.fromEntries([...found.ranges].map(([name, { min, max }]) => [name, [min, max]]));

const EXACT = {
  input: [-1.5, 2.25],
  '/conv1/Relu_output_0': [0, 6.5],
  'ünïcode name': [Math.fround(-0.1), Math.fround(0.05)],
  neg: [-7, -0.5],
};

describe("onnxruntime's own tables", () => {
  it.each(['tensors_data.json', 'calibration.json'])('%s', (name) => {
    const found = fixture(name);
    expect(found.format).toBe('onnxruntime');
    const close = Object.entries(plain(found)).map(([tensor, [min, max]]) => [
      tensor,
      [Math.fround(min!), Math.fround(max!)],
    ]);
    expect(Object.fromEntries(close)).toEqual(EXACT);
    expect(found.skipped).toEqual([]);
  });

  // These hold the larger of both extremes, as a magnitude: of a tensor below zero that is nothing.
  it.each([
    ['calibration.flatbuffers', 'onnxruntime-flatbuffers'],
    ['calibration.cache', 'onnxruntime-text'],
  ])('%s', (name, format) => {
    const found = fixture(name);
    expect(found.format).toBe(format);
    expect([...found.ranges.keys()].sort()).toEqual([
      '/conv1/Relu_output_0',
      'input',
      'ünïcode name',
    ]);
    expect(found.ranges.get('input')).toMatchObject({ min: -2.25, max: 2.25, symmetric: true });
    expect(found.skipped).toEqual(['neg']);
  });

  it('before 1.17 were pairs', () => {
    expect(plain(json({ a: [-1, 2], b: [0, 3.5] }))).toEqual({ a: [-1, 2], b: [0, 3.5] });
  });
});

describe('AIMET encodings', () => {
  it('0.6.1: extremes by name', () => {
    const encoding = {
      bitwidth: 8,
      dtype: 'int',
      is_symmetric: 'False',
      max: 3.98,
      min: -1.3,
      offset: -63,
      scale: 0.0207,
    };
    const found = json({
      version: '0.6.1',
      activation_encodings: {
        x: [encoding],
        wide: [{ ...encoding, dtype: 'float' }],
        c: [encoding, encoding],
      },
      param_encodings: { w: [encoding] },
    });
    expect(plain(found)).toEqual({ x: [-1.3, 3.98] });
    expect(found).toMatchObject({ format: 'aimet', skipped: ['wide', 'c'] });
  });

  it('1.0.0: scale and offset, x = (q + offset) · scale', () => {
    const entry = { enc_type: 'PER_TENSOR', dtype: 'INT', is_sym: false, scale: [0.5] };
    const found = json({
      version: '1.0.0',
      activation_encodings: [
        { ...entry, name: 'x', bw: 8, offset: [-10] },
        { ...entry, name: 'y', bw: 4, offset: [-8] },
        { ...entry, name: 'z', dtype: 'FLOAT', bw: 16, offset: [0] },
      ],
      param_encodings: [],
    });
    expect(plain(found)).toEqual({ x: [-5, 122.5], y: [-4, 3.5] });
    expect(found.ranges.get('x')!.params).toEqual({ scale: 0.5, zeroPoint: 10, type: 'uint8' });
  });

  it('2.0.0: the inputs of QuantizeLinear (the example of the specification)', () => {
    const found = json({
      version: '2.0.0',
      encodings: [
        { name: 'tensor_name', y_scale: 0.01, y_zero_point: 41, output_dtype: 'uint8' },
        {
          name: 'weight',
          y_scale: [0.01, 0.02],
          y_zero_point: [0, 0],
          axis: 0,
          output_dtype: 'int8',
        },
      ],
    });
    expect(found.ranges.get('tensor_name')!.min).toBeCloseTo(-0.41, 12);
    expect(found.ranges.get('tensor_name')!.max).toBeCloseTo(2.14, 12);
    expect(found.skipped).toEqual(['weight']);
  });
});

describe('TensorQuantOverrides', () => {
  it('have scales or ranges', () => {
    const found = json({
      a: [{ quant_type: 'QuantType.QUInt16', scale: 0.25, zero_point: 4 }],
      b: [{ rmin: -1, rmax: 3 }],
      c: [{ quant_type: 'QInt8', axis: 0 }, {}],
      d: [{ quant_type: 'QInt4', scale: 1, zero_point: 0 }],
    });
    expect(found).toMatchObject({ format: 'overrides', skipped: ['c', 'd'] });
    expect(found.ranges.get('a')!.params).toEqual({ scale: 0.25, zeroPoint: 4, type: 'uint16' });
    expect(plain(found)).toEqual({ a: [-1, 16382.75], b: [-1, 3] });
  });
});

describe("TensorRT's cache", () => {
  it('holds the bits of scales', () => {
    const found = readRanges(
      'x',
      text('TRT-8601-EntropyCalibration2\nin: 3c010a14\n(Unnamed Layer* 1) [Constant]: 3f800000\n'),
    );
    expect(found.format).toBe('tensorrt');
    // 0x3c010a14 is about 1/127: the classic scale of inputs between −1 and 1
    expect(found.ranges.get('in')!.max).toBeCloseTo(1.0003, 3);
    expect(found.ranges.get('(Unnamed Layer* 1) [Constant]')!.min).toBe(-127);
  });
});

describe('other files', () => {
  it.each<[string, unknown]>([
    ['empty', ''],
    ['an empty map', {}],
    ['a list', [1, 2]],
    ['words', 'hello world\n'],
    ['a recipe', 'model: m.onnx\noutput: o.onnx\n'],
    ['package.json', { name: 'x', version: '1' }],
    ['ranges the wrong way round', { a: [2, 1] }],
    ['scales of nothing', { a: [{ scale: 0, zero_point: 0 }] }],
  ])('%s are refused', (_, contents) => {
    expect(() => readRanges('f', text(contents))).toThrow(
      expect.objectContaining({ code: 'data.bad-format' }) as Error,
    );
  });

  it('bytes of any kind are refused or read, and never crash', () => {
    const good = readFileSync(path.join(import.meta.dirname, 'ranges/calibration.flatbuffers'));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(good.length),
        fc.nat(255),
        (noise, at, byte) => {
          const damaged = Uint8Array.from(good);
          damaged[at] = byte;
          for (const bytes of [noise, damaged, damaged.subarray(0, at)]) {
            try {
              readRanges('f', bytes);
            } catch (error) {
              expect(error).toMatchObject({ code: 'data.bad-format' });
            }
          }
        },
      ),
    );
  });
});

describe('what is written', () => {
  const wide = fc.float({ min: Math.fround(1e-3), max: 1e6, noNaN: true });
  const name = fc.stringMatching(/^[a-z/_.:]{1,12}$/);
  const entries = fc.uniqueArray(fc.tuple(name, wide, wide), {
    minLength: 1,
    maxLength: 8,
    selector: ([n]) => n,
  });

  it.each(RANGE_FORMATS)('%s is read back', (format) => {
    fc.assert(
      fc.property(entries, fc.boolean(), (list, random) => {
        const ranges = new Map(
          list.map(([tensor, low, high]): [string, ExportedRange] => {
            const { scale, zeroPoint } = chooseParams(-low, high, 'uint8');
            return [tensor, { min: -low, max: high, scale, zeroPoint, type: 'uint8' }];
          }),
        );
        const written = writeRanges(ranges, format, random);
        const found = readRanges('f', typeof written === 'string' ? text(written) : written);
        expect(found.format).toBe(format);
        expect([...found.ranges.keys()].sort()).toEqual([...ranges.keys()].sort());
        for (const [tensor, range] of ranges) {
          const got = found.ranges.get(tensor)!;
          if (format === 'aimet' || format === 'overrides')
            expect(got.params).toEqual({
              scale: range.scale,
              zeroPoint: range.zeroPoint,
              type: 'uint8',
            });
          else if (format === 'onnxruntime')
            expect([got.min, got.max]).toEqual([range.min, range.max]);
          else expect(got.max / Math.max(-range.min, range.max)).toBeCloseTo(1, 6);
        }
        if (['onnxruntime', 'aimet'].includes(format)) expect(found.random).toBe(random);
      }),
    );
  });
});
