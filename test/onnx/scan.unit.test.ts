import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  floatData,
  heldSource,
  isExternal,
  loadModel,
  makeTensorAttribute,
  Model,
  parseModel,
  saveModel,
  serializeModel,
  tensorData,
} from '../../src/onnx';
import { ModelProtoSchema, TensorProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { holdCut, scanModel } from '../../src/onnx/scan';
import { validateModel } from '../../src/onnx/validate';
import { floats, graph, model, op } from './build';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'vernier-scan-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const COUNT = 40_000;
const values = (from: number) => Array.from({ length: COUNT }, (_, i) => from + i / 7);

/** Large weights among the initializers, in a Constant, in a subgraph; a small one besides. */
function large(): Model {
  const constant = op('Constant', [], ['k'], {}, 'k');
  constant.attribute.push(makeTensorAttribute('value', floats('', [COUNT], values(2))));
  const body = graph({
    outputs: { t: [COUNT] },
    nodes: [op('Add', ['x', 'inner'], ['t'])],
    initializers: [floats('inner', [COUNT], values(3))],
  });
  return model({
    inputs: { x: [COUNT], c: { type: 'bool', shape: [] } },
    outputs: { y: [COUNT] },
    nodes: [
      constant,
      op('Add', ['x', 'w'], ['a']),
      op('Add', ['a', 'k'], ['b']),
      op('Add', ['b', 'small'], ['d']),
      op('If', ['c'], ['e'], { then_branch: body, else_branch: body }),
      op('Add', ['d', 'e'], ['y']),
    ],
    initializers: [floats('w', [COUNT], values(1)), floats('small', [1], [5])],
  });
}

/** The model as {@link loadModel} reads large files. */
function scanned(file: string): Model {
  const found = scanModel(file)!;
  const result = parseModel(found.bytes, file);
  holdCut(result.graph, file, found.stamp);
  return result;
}

const put = (name: string, bytes: Uint8Array) => {
  const file = path.join(dir, name);
  writeFileSync(file, bytes);
  return file;
};

describe('scanModel', () => {
  it('leaves large values in the file, wherever they are, and gives the very same model', () => {
    const bytes = serializeModel(large());
    const file = put('large.onnx', bytes);
    const slim = scanModel(file)!;
    expect(slim.bytes.length).toBeLessThan(3000);
    const read = scanned(file);
    expect(read.graph.initializer.map((t) => heldSource(t) !== null)).toEqual([true, false]);
    expect(floatData(read.graph.initializer[0]!)).toEqual(Float32Array.from(values(1)));
    expect(Buffer.compare(serializeModel(read), bytes)).toBe(0);
    expect(validateModel(read)).toBe(0);
  });

  it('keeps them there through copies, and writes them through in pieces', async () => {
    const bytes = serializeModel(large());
    const read = scanned(put('copied.onnx', bytes));
    const copy = read.copy();
    expect(isExternal(copy.graph.initializer[0]!)).toBe(true);
    const file = path.join(dir, 'written.onnx');
    await saveModel(copy, file);
    const again = readFileSync(file);
    expect(again.length).toBe(bytes.length);
    expect(Buffer.compare(again, bytes)).toBe(0);
    await saveModel(copy, file, { weights: 'external' });
    const beside = await loadModel(file);
    expect(heldSource(beside.graph.initializer[0]!)).toBeNull();
    expect(floatData(beside.graph.initializer[0]!, beside.dir)).toEqual(
      Float32Array.from(values(1)),
    );
  });

  it('takes values of float_data as they lie, and leaves other lists to the decoder', () => {
    const init = { dims: [BigInt(COUNT)], name: 'w' };
    const typed = (type: number, field: object) => {
      const m = large();
      m.graph.initializer[0] = create(TensorProtoSchema, { ...init, dataType: type, ...field });
      return m;
    };
    const packed = typed(1, { floatData: values(1) });
    const read = scanned(put('packed.onnx', serializeModel(packed)));
    expect(heldSource(read.graph.initializer[0]!)).not.toBeNull();
    expect(floatData(read.graph.initializer[0]!)).toEqual(Float32Array.from(values(1)));
    const numbers = Array.from({ length: COUNT }, (_, i) => i - 9);
    const integers = scanned(put('ints.onnx', serializeModel(typed(6, { int32Data: numbers }))));
    expect(tensorData(integers.graph.initializer[0]!)).toEqual(Int32Array.from(numbers));
    // complex numbers lie in float_data too, two to a value: the decoder's business
    expect(
      scanModel(put('complex.onnx', serializeModel(typed(14, { floatData: values(1) })))),
    ).toBe(null);
  });

  it('keeps unknown fields, and refuses a file that is cut off', () => {
    const bytes = Buffer.concat([serializeModel(large()), Uint8Array.of(0xfa, 0x3e, 2, 104, 105)]);
    const file = put('unknown.onnx', bytes);
    expect(Buffer.compare(serializeModel(scanned(file)), bytes)).toBe(0);
    for (const end of [bytes.length - 6, COUNT * 4, 70_000])
      expect(() => scanModel(put('cut.onnx', bytes.subarray(0, end)))).toThrow(RangeError);
  });

  it('a length that does not fit the dims is a bad tensor, as in a small file', () => {
    const m = large();
    m.graph.initializer[0]!.dims = [BigInt(COUNT + 1)];
    const read = scanned(put('wrong.onnx', serializeModel(m)));
    const w = { tensor: 'w' };
    expect(() => validateModel(read)).toThrowError(
      expect.objectContaining({ code: 'model.bad-tensor', place: expect.objectContaining(w) }),
    );
  });

  it('a file that changes while it is used is an error, not other numbers', () => {
    const file = put('changing.onnx', serializeModel(large()));
    const read = scanned(file);
    const { mtimeMs } = statSync(file);
    utimesSync(file, mtimeMs / 1000 + 5, mtimeMs / 1000 + 5);
    expect(() => floatData(read.graph.initializer[0]!)).toThrowError(
      expect.objectContaining({ code: 'model.changed' }),
    );
  });

  it('NaN is found in what stays in the file', () => {
    const m = large();
    const list = values(1);
    list[COUNT - 3] = Number.NaN;
    m.graph.initializer[0] = floats('w', [COUNT], list);
    const read = scanned(put('nan.onnx', serializeModel(m)));
    expect(() => validateModel(read)).toThrowError(
      expect.objectContaining({
        code: 'model.nan-weight',
        message: expect.stringContaining(String(COUNT - 3)),
      }),
    );
  });

  it('a model that says that its values are held does not get another file read', () => {
    const m = large();
    const forged = scanned(put('forged.onnx', serializeModel(m)));
    // what a message holds of a held tensor is no way back to its bytes
    const bytes = toBinary(ModelProtoSchema, forged.proto);
    const back = new Model(fromBinary(ModelProtoSchema, bytes), null, dir);
    expect(() => floatData(back.graph.initializer[0]!, dir)).toThrowError(
      expect.objectContaining({ code: 'model.external-missing' }),
    );
  });
});
