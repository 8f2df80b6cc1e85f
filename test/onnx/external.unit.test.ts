import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { loadModel } from '../../src/onnx/load';
import type { Model } from '../../src/onnx/model';
import { inlineExternal, saveModel, serializeModel } from '../../src/onnx/save';
import { DataLocation, entry } from '../../src/onnx/schema';
import { floatData, isExternal } from '../../src/onnx/tensor';
import { validateModel } from '../../src/onnx/validate';
import { floats, graph, model, op } from './build';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'vernier-external-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A Conv whose weights are large enough to lie outside. */
function conv(): Model {
  return model({
    inputs: { x: [1, 8, 4, 4] },
    outputs: { y: [1, 64, 2, 2] },
    nodes: [op('Conv', ['x', 'w', 'b'], ['y'], {}, 'conv')],
    initializers: [floats('w', [64, 8, 3, 3]), floats('b', [64])],
  });
}

/** A model in a folder of its own whose weights have the given `external_data`. */
async function withEntries(name: string, entries: Record<string, string>): Promise<Model> {
  const folder = path.join(dir, name);
  mkdirSync(folder);
  await saveModel(conv(), path.join(folder, 'm.onnx'), { weights: 'external' });
  const loaded = await loadModel(path.join(folder, 'm.onnx'));
  const weights = loaded.graph.initializer[0]!;
  const kept = weights.externalData.filter((e) => !(e.key in entries));
  weights.externalData = [...kept, ...Object.entries(entries).map(([k, v]) => entry(k, v))];
  return loaded;
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'fine';
  } catch (error) {
    if (!(error instanceof VernierError)) throw error;
    expect(error.place.tensor).toBe('w');
    expect(error.place.remedy).toBeTruthy();
    return error.code;
  }
};

describe('external data', () => {
  it('is written aligned beside the model and read back equal', async () => {
    const file = path.join(dir, 'out', 'm.onnx');
    const before = conv();
    await saveModel(before, file, { weights: 'external' });
    const after = await loadModel(file);
    const [w, b] = after.graph.initializer;
    expect([isExternal(w!), isExternal(b!)]).toEqual([true, false]);
    expect(w!.externalData.map((e) => [e.key, e.value])).toEqual([
      ['location', 'm.onnx.data'],
      ['offset', '0'],
      ['length', String(64 * 8 * 9 * 4)],
    ]);
    expect(floatData(w!, after.dir)).toEqual(floatData(before.graph.initializer[0]!));
    expect(() => validateModel(after)).not.toThrow();
    expect(Buffer.compare(serializeModel(inlineExternal(after)), serializeModel(before))).toBe(0);
  });

  it('is carried along when the model is saved elsewhere', async () => {
    const file = path.join(dir, 'moved', 'm.onnx');
    await saveModel(await loadModel(path.join(dir, 'out', 'm.onnx')), file);
    const alone = await loadModel(file);
    expect(alone.graph.initializer.some(isExternal)).toBe(false);
    expect(Buffer.compare(readFileSync(file), serializeModel(conv()))).toBe(0);
  });

  it('is read in the bodies of subgraphs too', () => {
    writeFileSync(path.join(dir, 'ones.bin'), Buffer.from(Float32Array.of(1, 1).buffer));
    const w = floats('w', [2]);
    w.rawData = new Uint8Array();
    w.dataLocation = DataLocation.EXTERNAL;
    w.externalData = [entry('location', 'ones.bin')];
    const body = graph({
      outputs: { t: [2] },
      nodes: [op('Add', ['x', 'w'], ['t'])],
      initializers: [w],
    });
    const m = model({
      inputs: { x: [2], c: { type: 'bool', shape: [] } },
      outputs: { y: [2] },
      nodes: [op('If', ['c'], ['y'], { then_branch: body, else_branch: body })],
    });
    const alone = inlineExternal(Object.assign(m, { dir }));
    const inner = alone.graph.node[0]!.attribute[0]!.g!.initializer[0]!;
    expect(floatData(inner)).toEqual(Float32Array.of(1, 1));
  });

  const wrong: [string, Record<string, string>, string][] = [
    ['missing', { location: 'other.data' }, 'model.external-missing'],
    ['parent', { location: '../out/m.onnx.data' }, 'model.external-outside'],
    ['parent-inside', { location: 'sub/../../out/m.onnx.data' }, 'model.external-outside'],
    ['absolute', { location: path.resolve('/etc/hostname') }, 'model.external-outside'],
    ['empty', { location: '' }, 'model.external-outside'],
    ['folder', { location: '.' }, 'model.external-outside'],
    ['zero-byte', { location: 'm.onnx\0.data' }, 'model.external-missing'],
    ['short', { offset: '64' }, 'model.external-short'],
    ['far', { offset: '9007199254740991' }, 'model.external-short'],
    ['negative-offset', { offset: '-4' }, 'model.bad-tensor'],
    ['offset-of-words', { offset: 'all' }, 'model.bad-tensor'],
    ['negative-length', { length: '-4' }, 'model.bad-tensor'],
    ['half-length', { length: '1.5' }, 'model.bad-tensor'],
    ['other-length', { length: '8' }, 'model.bad-tensor'],
  ];
  it.each(wrong)('%s: %j is %s', async (name, entries, code) => {
    const broken = await withEntries(name, entries);
    const w = broken.graph.initializer[0]!;
    expect(codeOf(() => floatData(w, broken.dir))).toBe(code);
    expect(codeOf(() => validateModel(broken))).toBe(code);
    await expect(saveModel(broken, path.join(dir, name, 'copy.onnx'))).rejects.toMatchObject({
      code,
    });
  });

  it('a file that was cut off', async () => {
    const broken = await withEntries('cut', {});
    writeFileSync(path.join(dir, 'cut', 'm.onnx.data'), Buffer.alloc(100));
    expect(codeOf(() => floatData(broken.graph.initializer[0]!, broken.dir))).toBe(
      'model.external-short',
    );
    expect(codeOf(() => validateModel(broken))).toBe('model.external-short');
  });

  it('a folder in place of the file', async () => {
    const broken = await withEntries('a-folder', { location: 'data' });
    mkdirSync(path.join(dir, 'a-folder', 'data'));
    expect(codeOf(() => validateModel(broken))).toBe('model.external-missing');
  });

  it('a model without a folder', () => {
    const m = conv();
    const w = m.graph.initializer[0]!;
    w.dataLocation = DataLocation.EXTERNAL;
    w.externalData = [entry('location', 'x')];
    expect(codeOf(() => floatData(w, null))).toBe('model.external-missing');
  });

  it.skipIf(process.platform === 'win32')(
    'symbolic links: inside is fine, outside or dead is not',
    async () => {
      const broken = await withEntries('links', { location: 'link.data' });
      const link = path.join(dir, 'links', 'link.data');
      const w = broken.graph.initializer[0]!;
      const read = () => codeOf(() => floatData(w, broken.dir));
      symlinkSync(path.join(dir, 'nothing'), link);
      expect(read()).toBe('model.external-missing');
      rmSync(link);
      symlinkSync(path.join(dir, 'out', 'm.onnx.data'), link);
      expect(read()).toBe('model.external-outside');
      rmSync(link);
      symlinkSync(path.join(dir, 'links', 'm.onnx.data'), link);
      expect(read()).toBe('fine');
    },
  );

  it('a name that begins with two dots is a name', async () => {
    const fine = await withEntries('dots', { location: '..data' });
    writeFileSync(
      path.join(dir, 'dots', '..data'),
      readFileSync(path.join(dir, 'dots', 'm.onnx.data')),
    );
    expect(codeOf(() => floatData(fine.graph.initializer[0]!, fine.dir))).toBe('fine');
  });
});
