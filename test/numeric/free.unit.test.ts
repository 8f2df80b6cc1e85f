import { describe, expect, it } from 'vitest';
import { free, ownsBuffer } from '../../src/numeric/free';

describe('memory that is given back', () => {
  it('is gone at once, once for each buffer', () => {
    const values = new Float32Array([1, 2, 3, 4]);
    const part = values.subarray(1, 3);
    const other = new Uint8Array(10);
    free(values, part, other);
    expect([values, part, other].map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
    expect(values.buffer.byteLength).toBe(0);
    free();
  });

  it('is that of arrays which have a buffer to themselves', () => {
    const values = new Float32Array(4);
    expect(ownsBuffer(values)).toBe(true);
    expect(ownsBuffer(values.subarray(1))).toBe(false);
  });
});
