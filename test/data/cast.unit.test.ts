import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { cast, toNumbers } from '../../src/data/cast';
import type { ElementType } from '../../src/onnx/schema';

const types: ElementType[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
];
const isFloat = (type: string) => type.includes('float');

describe('changing types', () => {
  it('keeps small whole numbers through every pair of types', () => {
    const values = fc.array(fc.integer({ min: 0, max: 100 }));
    fc.assert(
      fc.property(values, fc.constantFrom(...types), fc.constantFrom(...types), (list, a, b) => {
        const there = cast(Uint8Array.from(list), 'uint8', a);
        if (isFloat(a) && !isFloat(b))
          expect(() => cast(there, a, b)).toThrow(
            expect.objectContaining({ code: 'data.wrong-type' }),
          );
        else expect(Array.from(toNumbers(cast(there, a, b), b))).toEqual(list);
      }),
    );
  });

  it.each([
    ['int64', 'int32', BigInt64Array.of(2n ** 31n)],
    ['int32', 'uint8', Int32Array.of(0, 256)],
    ['int8', 'uint64', Int8Array.of(-1)],
    ['uint64', 'int64', BigUint64Array.of(2n ** 63n)],
    ['uint8', 'bool', Uint8Array.of(2)],
    ['float32', 'int32', Float32Array.of(1)],
    ['float32', 'string', Float32Array.of(1)],
    ['complex64', 'float32', Float32Array.of(1, 2)],
  ] as const)('%s to %s is refused where it loses', (from, to, data) => {
    expect(() => cast(data, from, to, { file: 'f', tensor: 'x' })).toThrow(
      expect.objectContaining({
        code: 'data.wrong-type',
        place: expect.objectContaining({ file: 'f', tensor: 'x' }),
      }),
    );
  });

  it('copies nothing where nothing changes', () => {
    const data = Float32Array.of(1);
    expect(cast(data, 'float32', 'float32')).toBe(data);
  });
});
