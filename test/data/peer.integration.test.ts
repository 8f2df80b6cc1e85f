/** ONNX's own test data, and the arrays that NumPy writes for baselines/ort_peer.py. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openData } from '../../src/data/open';
import { readTensorFile } from '../../src/data/protos';
import type { VernierError } from '../../src/errors';
import { loadModel, valueType } from '../../src/onnx';
import type { InputSpec } from '../../src/data/source';
import { hasShared, shared } from './shared';
import { npy, tempFolder } from './temp';

const { put } = tempFolder();

describe.skipIf(!hasShared)('ONNX test data of ../shared/data', () => {
  const root = join(shared, 'backend/node');
  const tests = hasShared ? readdirSync(root).filter((_, i) => i % 20 === 0) : [];

  it.each(tests)('%s', async (name) => {
    const folder = join(root, name);
    const model = join(folder, 'model.onnx');
    if (!existsSync(model)) return;
    const { graph } = await loadModel(model);
    const inputs = graph.input.map((info): InputSpec => {
      const { type, shape } = valueType(info);
      return { name: info.name, type, shape: shape ?? [] };
    });
    if (inputs.some(({ type }) => ['undefined', 'string'].includes(type))) return;
    const source = await openData({ data: folder, baseDir: '.', inputs });
    for (let i = 0; i < source.count; i++) {
      const feed = await source.sample(i);
      expect(Object.keys(feed)).toEqual(inputs.map((input) => input.name));
    }
  });

  it('reads every tensor file, or says why not', async () => {
    const files = readdirSync(join(shared, 'backend'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.pb'))
      .filter((_, i) => i % 5 === 0);
    let read = 0;
    for (const name of files) {
      try {
        await readTensorFile(join(shared, 'backend', name));
        read++;
      } catch (error) {
        expect((error as VernierError).code, name).toBe('data.bad-format');
      }
    }
    expect(read).toBeGreaterThan(0.9 * files.length);
  });
});

it('reads a large array by slices, in memory that does not grow with it', async () => {
  const size = 3 * 64 * 64;
  const samples = 1500; // 74 MB
  const file = put('large.npy', npy([samples, 3, 64, 64], { length: samples * size }));
  expect(statSync(file).size).toBeGreaterThan(70e6);
  const source = await openData({
    data: file,
    baseDir: '.',
    inputs: [{ name: 'x', type: 'float32', shape: [1, 3, 64, 64] }],
  });
  globalThis.gc?.();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let i = 0; i < source.count; i++) {
    const { x } = await source.sample(i);
    expect(x!.data.length).toBe(size);
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  expect(most - before).toBeLessThan(60e6); // garbage between two collections, not the file
});

describe.skipIf(!existsSync(join(import.meta.dirname, '../../samples/factor-cnn')))(
  'samples',
  () => {
    it.each(['factor-cnn', 'price-lstm'])('%s opens with its own data', async (name) => {
      const folder = join(import.meta.dirname, '../../samples', name);
      const { graph } = await loadModel(join(folder, `${name}.onnx`));
      const constants = new Set(graph.initializer.map((tensor) => tensor.name));
      const inputs = graph.input
        .filter((info) => !constants.has(info.name))
        .map((info): InputSpec => {
          const { type, shape } = valueType(info);
          return { name: info.name, type, shape: shape ?? [] };
        });
      for (const data of readdirSync(folder).filter((file) =>
        /^(calibration|evaluation)\./.test(file),
      )) {
        const source = await openData({ data, baseDir: folder, inputs });
        expect(source.count).toBeGreaterThan(10);
        await source.sample(source.count - 1);
        expect(source.notes).toEqual([]);
      }
      expect(readFileSync(join(folder, 'labels.npy')).length).toBeGreaterThan(100);
    });
  },
);
