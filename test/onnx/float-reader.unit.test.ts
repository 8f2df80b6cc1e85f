import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import {
  ComputedBytes,
  DataLocation,
  entry,
  FloatReader,
  makeHeldTensor,
  makeTensor,
  type TensorProto,
} from '../../src/onnx';
import { temporaryFolder } from '../lib/files';

const folder = temporaryFolder();
const values = Float32Array.from({ length: 12 }, (_, i) => i / 3);
const bytes = () => new Uint8Array(values.slice().buffer);

/** The same tensor with its bytes in different places. */
const places: Record<string, () => { tensor: TensorProto; dir: string | null }> = {
  inline: () => ({ tensor: makeTensor('t', 'float32', [3, 4], values), dir: null }),
  // as a view into a file that was read: protobuf puts fields anywhere
  'inline, not aligned': () => {
    const tensor = makeTensor('t', 'float32', [3, 4], values);
    const whole = Buffer.alloc(49);
    whole.set(bytes(), 1);
    tensor.rawData = whole.subarray(1);
    return { tensor, dir: null };
  },
  'typed field': () => {
    const tensor = makeTensor('t', 'float32', [3, 4], new Float32Array(0));
    tensor.floatData = Array.from(values);
    return { tensor, dir: null };
  },
  computed: () => {
    const source = new ComputedBytes(48, () => values);
    return { tensor: makeHeldTensor('t', 'float32', [3, 4], source), dir: null };
  },
  external: () => {
    const tensor = makeTensor('t', 'float32', [3, 4], new Float32Array(0));
    const data = new Uint8Array(60);
    data.set(bytes(), 8);
    folder.put('w.data', data);
    tensor.dataLocation = DataLocation.EXTERNAL;
    tensor.externalData = [
      entry('location', 'w.data'),
      entry('offset', '8'),
      entry('length', '48'),
    ];
    return { tensor, dir: folder.at('.') };
  },
};

describe.each(Object.entries(places))('a float32 tensor, %s', (_, make) => {
  it.each([
    [0, 12],
    [5, 3],
    [11, 1],
    [4, 0],
  ])('gives values from %i on, %i of them', (from, count) => {
    const { tensor, dir } = make();
    const reader = new FloatReader(tensor, dir);
    expect(reader.read(from, count)).toEqual(values.slice(from, from + count));
  });
});

it.each<[string, (t: TensorProto) => void]>([
  ['another type', (t) => (t.dataType = 7)],
  ['bytes missing', (t) => (t.rawData = t.rawData.subarray(4))],
])('refuses %s', (_, damage) => {
  const tensor = makeTensor('t', 'float32', [3, 4], values);
  damage(tensor);
  expect(() => new FloatReader(tensor, null)).toThrow(
    expect.objectContaining({ code: 'model.bad-tensor' }) as Error,
  );
});
