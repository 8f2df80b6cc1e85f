import { create } from '@bufbuild/protobuf';
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { TensorProtoSchema } from '../../src/onnx/gen/onnx_pb';
import {
  DataType,
  elementBits,
  elementTypeName,
  elementTypeNumber,
  makeValueInfo,
  valueType,
  type ElementType,
} from '../../src/onnx/schema';
import {
  elementCount,
  floatData,
  integerValues,
  makeScalar,
  makeTensor,
  rawBytes,
  tensorBytes,
  tensorData,
  type TensorData,
} from '../../src/onnx/tensor';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  makeFloats,
  makeInts,
  makeString,
  makeStrings,
  removeAttribute,
  setAttribute,
  stringAttribute,
  tensorAttribute,
} from '../../src/onnx/attributes';
import { floats, op } from './build';

const codeOf = (code: string) => expect.objectContaining({ code }) as Error;

describe('element types', () => {
  it('have the names and numbers of the schema', () => {
    const names: Record<string, ElementType> = { FLOAT: 'float32', DOUBLE: 'float64' };
    for (const [key, number] of Object.entries(DataType)) {
      if (typeof number !== 'number') continue;
      const name = names[key] ?? (key.toLowerCase() as ElementType);
      expect([key, elementTypeName(number)]).toEqual([key, name]);
      expect([key, elementTypeNumber(name)]).toEqual([key, number]);
      expect(elementBits(name)).toBeGreaterThanOrEqual(0);
    }
    expect(elementTypeName(999)).toBe('undefined');
    expect(elementTypeName(-1)).toBe('undefined');
  });
});

describe('tensorData', () => {
  const arrays: [ElementType, TensorData][] = [
    ['float32', Float32Array.of(1.5, -0, NaN)],
    ['float64', Float64Array.of(Math.PI, -Infinity, 0)],
    ['int8', Int8Array.of(-128, 0, 127)],
    ['uint8', Uint8Array.of(0, 1, 255)],
    ['int16', Int16Array.of(-32768, 0, 32767)],
    ['uint16', Uint16Array.of(0, 1, 65535)],
    ['int32', Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
    ['uint32', Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ['int64', BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
    ['uint64', BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ['bool', Uint8Array.of(0, 1, 1)],
    ['float16', Uint16Array.of(0x3c00, 0, 0x7e00)],
    ['bfloat16', Uint16Array.of(0x3f80, 0, 0x7fc0)],
  ];

  it.each(arrays)('%s goes through raw_data', (type, data) => {
    const t = makeTensor('t', type, [3], data);
    expect(tensorData(t)).toEqual(data);
    expect(tensorBytes(t)).toBe(data.byteLength);
    expect(t.rawData.buffer).not.toBe(data.buffer);
  });

  it.each(arrays)('%s goes through the typed fields', (type, data) => {
    const wide = (values: ArrayLike<number | bigint>) => Array.from(values, Number);
    const big = () => Array.from(data as ArrayLike<number | bigint>, BigInt);
    const field = {
      float32: () => ({ floatData: wide(data) }),
      float64: () => ({ doubleData: wide(data) }),
      int64: () => ({ int64Data: big() }),
      uint64: () => ({ uint64Data: big() }),
      uint32: () => ({ uint64Data: big() }),
    };
    const make = field[type as keyof typeof field] ?? (() => ({ int32Data: wide(data) }));
    const t = create(TensorProtoSchema, {
      dims: [3n],
      dataType: elementTypeNumber(type),
      ...make(),
    });
    expect(tensorData(t)).toEqual(data);
    expect(rawBytes(t, null)).toEqual(new Uint8Array(data.buffer));
  });

  it('reads values that lie unaligned in the file', () => {
    const file = new Uint8Array(13);
    file.set(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 1);
    const t = floats('t', [3]);
    t.rawData = file.subarray(1);
    expect(floatData(t)).toEqual(Float32Array.of(1, 2, 3));
  });

  it('keeps 4-bit numbers packed', () => {
    const t = makeTensor('t', 'int4', [3], Uint8Array.of(0x21, 0x03));
    expect(tensorBytes(t)).toBe(2);
    expect(tensorData(t)).toEqual(Uint8Array.of(0x21, 0x03));
  });

  it('of no elements, and of a scalar', () => {
    expect(tensorData(makeTensor('t', 'float32', [0, 3], new Float32Array()))).toHaveLength(0);
    expect(floatData(makeScalar('s', 2))).toEqual(Float32Array.of(2));
    expect(integerValues(makeTensor('i', 'int64', [], BigInt64Array.of(-7n)))).toEqual([-7]);
  });

  it('refuses bytes that do not fit, types that are no numbers, and floats that are none', () => {
    const t = floats('t', [3]);
    t.dims = [4n];
    expect(() => tensorData(t)).toThrow(codeOf('model.bad-tensor'));
    const s = create(TensorProtoSchema, { dataType: elementTypeNumber('string') });
    expect(() => tensorData(s)).toThrow(codeOf('model.bad-tensor'));
    expect(() => floatData(makeTensor('i', 'int8', [1], Int8Array.of(1)))).toThrow(
      codeOf('model.bad-tensor'),
    );
  });
});

describe('elementCount', () => {
  it('is the product, or an error with a code', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 2 ** 20 }), { maxLength: 6 }), (dims) => {
        const product = dims.reduce((a, b) => a * b, 1);
        const bad = dims.some((d) => d < 0) || !Number.isSafeInteger(product);
        if (bad && !dims.includes(0))
          expect(() => elementCount(dims)).toThrow(codeOf('model.bad-dims'));
        else if (!bad) expect(elementCount(dims)).toBe(product);
      }),
    );
    expect(elementCount([])).toBe(1);
  });
});

describe('attributes', () => {
  it('are read by type, with the fallback of the operator', () => {
    const n = op('X', [], [], { i: 3, f: 0.5, s: 'é', t: floats('t', [1]) });
    n.attribute.push(
      makeInts('is', [1, -2]),
      makeFloats('fs', [0.5]),
      makeStrings('ss', ['a', 'b']),
    );
    expect(intAttribute(n, 'i', 0)).toBe(3);
    expect(intAttribute(n, 'none', 7)).toBe(7);
    expect(floatAttribute(n, 'f', 0)).toBe(0.5);
    expect(stringAttribute(n, 's', '')).toBe('é');
    expect(stringAttribute(n, 'none', 'd')).toBe('d');
    expect(intsAttribute(n, 'is')).toEqual([1, -2]);
    expect(floatsAttribute(n, 'fs')).toEqual([0.5]);
    expect(floatsAttribute(n, 'none')).toBeUndefined();
    expect(tensorAttribute(n, 't')?.name).toBe('t');
    setAttribute(n, makeString('s', 'new'));
    setAttribute(n, makeString('z', 'added'));
    removeAttribute(n, 'i');
    expect(n.attribute.map((a) => a.name)).toEqual(['f', 's', 't', 'is', 'fs', 'ss', 'z']);
    expect(stringAttribute(n, 's', '')).toBe('new');
  });
});

describe('value infos', () => {
  it.each<[ElementType, (number | string | null)[] | null]>([
    ['float32', [1, 'N', null]],
    ['int64', []],
    ['uint8', null],
  ])('%s %j', (type, shape) => {
    expect(valueType(makeValueInfo('v', type, shape))).toEqual({ type, shape });
  });
});
