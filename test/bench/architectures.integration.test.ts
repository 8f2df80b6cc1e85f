import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { mobilenetV2 } from '../../bench/architectures/mobilenet-v2';
import { writeNet } from '../../bench/architectures/write';
import { floatData, loadModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { randomFeed, tensors } from '../lib/runtime';

const folder = temporaryFolder();

describe('a network of full size with its values', () => {
  it('is the same bytes for the same seed, with statistics that keep its activations in bounds', async () => {
    const files = ['a.onnx', 'b.onnx'].map((name) => folder.at(name));
    for (const file of files) await writeNet(mobilenetV2(), file, { seed: 7 });
    expect(Buffer.compare(readFileSync(files[0]!), readFileSync(files[1]!))).toBe(0);
    const model = await loadModel(files[0]!);
    const norms = model.graph.node.filter((n) => n.opType === 'BatchNormalization');
    const found = await tensors(
      model,
      norms.map((n) => n.output[0]!),
      randomFeed(model, 3, -2, 2),
    );
    for (const { data } of Object.values(found)) {
      const values = data as Float32Array;
      const power = values.reduce((sum, v) => sum + v * v, 0) / values.length;
      expect(Math.sqrt(power)).toBeGreaterThan(0.05);
      expect(Math.sqrt(power)).toBeLessThan(5);
    }
    const variance = model.graph.initializer.find((t) =>
      t.name.endsWith('features.0.1.running_var'),
    );
    expect(Math.min(...floatData(variance!))).toBeGreaterThan(0);
  });

  it('goes to a data file beside the model where it is asked to', async () => {
    const [inside, beside] = [folder.at('inside.onnx'), folder.at('beside.onnx')];
    await writeNet(mobilenetV2(), inside, { seed: 7 });
    await writeNet(mobilenetV2(), beside, { seed: 7, external: true });
    const [a, b] = [await loadModel(inside), await loadModel(beside)];
    expect(path.basename(b.graph.initializer[0]!.externalData[0]!.value)).toBe('beside.onnx.data');
    const bytes = (values: Float32Array) => Buffer.from(values.buffer);
    for (const [i, t] of a.graph.initializer.entries()) {
      const other = floatData(b.graph.initializer[i]!, b.dir);
      expect(Buffer.compare(bytes(other), bytes(floatData(t)))).toBe(0);
    }
  });
});
