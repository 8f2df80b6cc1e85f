import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadModel } from '../../src/onnx/load';
import { saveModel } from '../../src/onnx/save';
import { floatData } from '../../src/onnx/tensor';
import { floats, model, op } from './build';

vi.mock('node:fs/promises', { spy: true });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'vernier-save-'));
});
afterEach(() => {
  vi.mocked(fs.writeFile).mockReset();
  vi.mocked(fs.rename).mockReset();
  rmSync(dir, { recursive: true });
});

const add = (value: number) =>
  model({
    inputs: { x: [512] },
    outputs: { y: [512] },
    nodes: [op('Add', ['x', 'w'], ['y'])],
    initializers: [floats('w', [512], new Array<number>(512).fill(value))],
  });

async function weightOf(file: string): Promise<number> {
  const loaded = await loadModel(file);
  return floatData(loaded.graph.initializer[0]!, loaded.dir)[0]!;
}

const full = () =>
  Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));

describe.each(['inline', 'external'] as const)('saveModel, weights %s', (weights) => {
  it('makes the folder, replaces an earlier file and leaves nothing else', async () => {
    const file = path.join(dir, 'new', 'm.onnx');
    await saveModel(add(1), file, { weights });
    await saveModel(add(2), file, { weights });
    expect(await weightOf(file)).toBe(2);
    expect(readdirSync(path.dirname(file)).sort()).toEqual(
      weights === 'inline' ? ['m.onnx'] : ['m.onnx', 'm.onnx.data'],
    );
  });

  it.each<[string, () => void]>([
    ['a full disk', () => vi.mocked(fs.writeFile).mockImplementation(full)],
    [
      'a rename that fails at the end',
      () =>
        vi.mocked(fs.rename).mockImplementation(async (from, to) => {
          const original = await vi.importActual<typeof fs>('node:fs/promises');
          if (String(to).endsWith('m.onnx')) return full();
          return original.rename(from, to);
        }),
    ],
  ])('%s leaves the earlier model as it was', async (_, breakIt) => {
    const file = path.join(dir, 'm.onnx');
    await saveModel(add(1), file, { weights });
    const before = readdirSync(dir).sort();
    breakIt();
    await expect(saveModel(add(2), file, { weights })).rejects.toMatchObject({
      code: 'job.disk-full',
      place: { file, remedy: expect.any(String) as string },
    });
    expect(readdirSync(dir).sort()).toEqual(before);
    expect(await weightOf(file)).toBe(1);
  });

  it('a folder of that name is an error, and stays', async () => {
    const file = path.join(dir, 'm.onnx');
    mkdirSync(file);
    writeFileSync(path.join(dir, 'm.onnx.data'), 'precious');
    await expect(saveModel(add(1), file, { weights })).rejects.toMatchObject({ code: 'job.io' });
    expect(readFileSync(path.join(dir, 'm.onnx.data'), 'utf8')).toBe('precious');
    expect(readdirSync(dir).sort()).toEqual(['m.onnx', 'm.onnx.data']);
  });

  it('a file in place of the folder is an error, and stays', async () => {
    const blocker = path.join(dir, 'file');
    writeFileSync(blocker, 'precious');
    await expect(
      saveModel(add(1), path.join(blocker, 'm.onnx'), { weights }),
    ).rejects.toMatchObject({
      code: 'job.io',
    });
    expect(readFileSync(blocker, 'utf8')).toBe('precious');
  });
});

describe('loadModel', () => {
  const write = (name: string, bytes: string | Uint8Array) => {
    const file = path.join(dir, name);
    writeFileSync(file, bytes);
    return file;
  };

  it.each<[string, () => string, string]>([
    ['nothing there', () => path.join(dir, 'none.onnx'), 'model.not-found'],
    ['a folder', () => dir, 'model.not-found'],
    ['an empty file', () => write('empty.onnx', ''), 'model.truncated'],
    ['words', () => write('words.onnx', 'this is no model'), 'model.not-onnx'],
    ['a PNG', () => write('p.onnx', Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), 'model.not-onnx'],
    [
      'an empty message of a later format',
      () => write('v.onnx', Uint8Array.of(8, 7)),
      'model.not-onnx',
    ],
    ['PyTorch', () => write('m.pt', 'x'), 'model.other-format'],
    ['TensorFlow Lite', () => write('m.TFLITE', 'x'), 'model.other-format'],
    ['onnxruntime', () => write('m.ort', 'x'), 'model.other-format'],
  ])('%s', async (_, make, code) => {
    const file = make();
    await expect(loadModel(file)).rejects.toMatchObject({
      code,
      place: {
        remedy: expect.any(String) as string,
        file: expect.stringContaining(file) as string,
      },
    });
  });

  it('a name that is not UTF-8', async () => {
    const file = path.join(dir, 'm.onnx');
    await saveModel(add(1), file);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('Add') - 3] = 0xff; // the last letter of the output's name
    writeFileSync(file, bytes);
    await expect(loadModel(file)).rejects.toMatchObject({
      code: 'model.bad-utf8',
      place: { file },
    });
  });

  it('keeps fields that the schema does not know', async () => {
    const file = path.join(dir, 'm.onnx');
    await saveModel(add(1), file);
    const more = Buffer.concat([readFileSync(file), Uint8Array.of(0xfa, 0x3e, 2, 104, 105)]);
    writeFileSync(file, more);
    await saveModel(await loadModel(file), path.join(dir, 'copy.onnx'));
    expect(Buffer.compare(readFileSync(path.join(dir, 'copy.onnx')), more)).toBe(0);
    expect(existsSync(file)).toBe(true);
  });
});
