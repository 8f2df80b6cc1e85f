import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { heldSource, isExternal, serializeModel, Spool } from '../../src/onnx';
import { parseModel } from '../../src/onnx/load';
import { tensorData } from '../../src/onnx/tensor';
import { temporaryFolder } from '../lib/files';
import { floats, model, op } from './build';

const folder = temporaryFolder();
const SIZE = 1 << 15; // values of 128 kB

function product() {
  return model({
    inputs: { x: [1, 128] },
    outputs: { y: [1, 256] },
    nodes: [op('MatMul', ['x', 'w'], ['y'], {}, 'm')],
    initializers: [floats('w', [128, 256])],
  });
}

describe('a spool', () => {
  it('gives back what was put into it, whatever came between', () => {
    const spool = new Spool(folder.at('a.spool'));
    expect(existsSync(spool.file)).toBe(false);
    const values = [3, 100_001, 64].map((n) => Uint8Array.from({ length: n }, (_, i) => i * n));
    const sources = values.map((bytes) => spool.put(bytes));
    sources.forEach((source, i) => expect(source.read()).toEqual(values[i]));
    expect(sources.map((s) => s.extent!.offset % 64)).toEqual([0, 0, 0]);
    spool.dispose();
    expect(existsSync(spool.file)).toBe(false);
  });

  it('takes what is made for a model, and the model is written as if it were in memory', () => {
    const spool = new Spool(folder.at('b.spool'));
    const made = product().spooling(spool).copy();
    const [w] = made.graph.initializer;
    const before = serializeModel(product());
    made.parked(w!);
    expect(isExternal(w!) && heldSource(w!) !== null).toBe(true);
    expect(w!.rawData.length).toBe(0);
    expect((tensorData(w!) as Float32Array).length).toBe(SIZE);
    const read = parseModel(serializeModel(made));
    const plain = parseModel(before);
    expect(read.graph.initializer[0]!.rawData).toEqual(plain.graph.initializer[0]!.rawData);
    spool.dispose();
  });

  it('leaves small values and models without one in memory', () => {
    const small = floats('s', [8]);
    const spool = new Spool(folder.at('c.spool'));
    expect(product().spooling(spool).parked(small).rawData.length).toBe(32);
    expect(product().parked(floats('w', [128, 256])).rawData.length).toBe(4 * SIZE);
    expect(existsSync(spool.file)).toBe(false);
  });
});
