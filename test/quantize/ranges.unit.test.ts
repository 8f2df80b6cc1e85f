/** Files with ranges: those that onnxruntime itself wrote (ranges/make.py), published examples, and ours read back. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { chooseParams, codeRange, powerOfTwo, type QuantType } from '../../src/numeric';
import {
  marksRandom,
  RANGE_FORMATS,
  readRanges,
  writeRanges,
  type ExportedRange,
} from '../../src/quantize/ranges';
import { importedParams } from '../../src/quantize/ranges/params';

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
    expect(found.skipped.size).toBe(0);
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
    expect([...found.skipped]).toEqual([['neg', 'below-zero']]);
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
    expect(found.format).toBe('aimet');
    expect(Object.fromEntries(found.skipped)).toEqual({ wide: 'float', c: 'channels' });
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
    expect([...found.skipped]).toEqual([['weight', 'channels']]);
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
    expect(found.format).toBe('overrides');
    expect(Object.fromEntries(found.skipped)).toEqual({ c: 'channels', d: 'type' });
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

describe('entries that are no range of a tensor say why', () => {
  const good = { good: [{ rmin: -1, rmax: 1 }] };
  const override = (entry: object) => [
    { quant_type: 'QUInt8', scale: 0.5, zero_point: 0, ...entry },
  ];

  it.each<[string, unknown[], string]>([
    ['scale 0', override({ scale: 0 }), 'scale'],
    ['a scale that is none in float32', override({ scale: 1e-60 }), 'scale'],
    ['a denormal scale', override({ scale: 1e-45 }), 'scale'],
    ['a scale beyond float32', override({ scale: 1e300 }), 'scale'],
    ['codes beyond float32', override({ scale: 1e37 }), 'scale'],
    ['zero point 300', override({ zero_point: 300 }), 'zero-point'],
    ['half a zero point', override({ zero_point: 0.5 }), 'zero-point'],
    ['an unknown type', override({ quant_type: 'QInt5' }), 'type'],
    ['ends beyond float32', [{ rmin: -1e308, rmax: 1e308 }], 'not-finite'],
    ['swapped ends', [{ rmin: 2, rmax: 1 }], 'swapped'],
    ['a type alone', [{ quant_type: 'QInt8' }], 'nothing'],
    [
      'several channels',
      [
        { rmin: 0, rmax: 1 },
        { rmin: 0, rmax: 2 },
      ],
      'channels',
    ],
  ])('overrides: %s', (_, entry, why) => {
    const found = json({ ...good, bad: entry });
    expect([...found.ranges.keys()]).toEqual(['good']);
    expect([...found.skipped]).toEqual([['bad', why]]);
  });

  it.each<[string, object, string]>([
    ['an offset below the lowest code', { bw: 4, offset: [-133] }, 'zero-point'],
    ['an offset above zero', { bw: 8, offset: [1] }, 'zero-point'],
    ['no bits', { bw: 0, offset: [0] }, 'bits'],
    ['half a bit', { bw: 4.5, offset: [-8] }, 'bits'],
    ['4 bits of no width', { bw: 4, offset: [-8], scale: [0] }, 'scale'],
    ['several channels', { bw: 8, offset: [0, 0], scale: [1, 1] }, 'channels'],
  ])('AIMET: %s', (_, entry, why) => {
    const plain = { enc_type: 'PER_TENSOR', dtype: 'INT', is_sym: false, scale: [0.05] };
    const found = json({
      version: '1.0.0',
      activation_encodings: [
        { ...plain, name: 'good', bw: 8, offset: [-10] },
        { ...plain, ...entry, name: 'bad' },
      ],
    });
    expect([...found.ranges.keys()]).toEqual(['good']);
    expect([...found.skipped]).toEqual([['bad', why]]);
  });

  it('NaN and Infinity as Python writes them, in JSON and in text', () => {
    const array = (value: string) => `{"CLS": "numpy.array", "data": ${value}, "dtype": "float32"}`;
    const tensor = (low: string, high: string) =>
      `{"CLS": "TensorData", "lowest": ${array(low)}, "highest": ${array(high)}}`;
    const found = json(
      `{"NaN": ${tensor('-1', '2')}, "nan": ${tensor('NaN', 'NaN')}, "inf": ${tensor('-Infinity', 'Infinity')}}`,
    );
    expect(plain(found)).toEqual({ NaN: [-1, 2] });
    expect(Object.fromEntries(found.skipped)).toEqual({ nan: 'not-finite', inf: 'not-finite' });
    const lines = readRanges('x', text('a 1.5\nb nan\nc inf\nd -1e-05\n'));
    expect([...lines.ranges.keys()]).toEqual(['a']);
    expect(Object.fromEntries(lines.skipped)).toEqual({
      b: 'not-finite',
      c: 'not-finite',
      d: 'below-zero',
    });
  });

  it.each<[string, string, object]>([
    ["TensorRT's cache", 'TRT-8601-EntropyCalibration2\nin: 3c010a14\nout: 3c01\n', { line: 3 }],
    ["onnxruntime's text", '\nin 1.5\nmiddle\nout 2\n', { line: 3 }],
    ['the first that is unusable', '{"a": [{"rmin": 2, "rmax": 1}]}', { tensor: 'a' }],
  ])('the error for %s has its place', (_, contents, place) => {
    expect(() => readRanges('f', text(contents))).toThrow(
      expect.objectContaining({
        code: 'data.bad-format',
        place: expect.objectContaining(place) as object,
      }) as Error,
    );
  });

  it('JSON that breaks off is told from a file of another kind', () => {
    expect(() => json('{"a": [1,')).toThrow(/JSON: /);
  });
});

describe('the quantizer of an imported range', () => {
  const TENSORRT = { symmetric: true, powerOfTwo: false };
  const FIXED = { symmetric: true, powerOfTwo: true };
  const roundTrip = (format: 'aimet' | 'overrides', scale: number, type: QuantType) => {
    const { min, max } = codeRange(type, { symmetric: true });
    const zeroPoint = (min + max) / 2;
    const entry = { min: -scale, max: scale, scale, zeroPoint, type };
    const written = writeRanges(new Map([['x', entry]]), format, false);
    return readRanges('f', text(written)).ranges.get('x')!;
  };

  it.each(['aimet', 'overrides'] as const)('is what %s was written from', (format) => {
    fc.assert(
      fc.property(fc.float({ min: Math.fround(1e-6), max: 1e6, noNaN: true }), (scale) => {
        const oddity = null;
        const symmetric = importedParams(roundTrip(format, scale, 'int8'), 'int8', TENSORRT);
        expect(symmetric).toEqual({ scale, zeroPoint: 0, oddity });
        const power = powerOfTwo(scale);
        for (const type of ['int8', 'uint8'] as const) {
          const fixed = importedParams(roundTrip(format, power, type), 'int8', FIXED);
          expect(fixed).toEqual({ scale: power, zeroPoint: 0, oddity });
        }
      }),
    );
  });

  it('is made of the range where its zero is not in the middle', () => {
    const range = json({ x: [{ quant_type: 'QUInt8', scale: 0.5, zero_point: 10 }] }).ranges.get(
      'x',
    )!;
    const scale = Math.fround(122.5 / 127);
    expect(importedParams(range, 'int8', TENSORRT)).toMatchObject({ scale, zeroPoint: 0 });
    expect(importedParams(range, 'int8', FIXED)).toMatchObject({ scale: 1, zeroPoint: 0 });
    expect(importedParams(range, 'int8')).toMatchObject({ scale: 0.5, zeroPoint: -118 });
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
    ['JSON that breaks off', '{"a": [1, 2'],
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
  it('is marked as random by all formats with a place for it', () => {
    expect(RANGE_FORMATS.filter((format) => !marksRandom(format))).toEqual(['tensorrt']);
  });

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
        expect(found.random).toBe(random && marksRandom(format));
      }),
    );
  });
});
