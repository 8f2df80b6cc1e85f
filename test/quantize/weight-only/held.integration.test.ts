/** Weights that lie on disk are packed when they are written: the same bytes as from memory. */
import { describe, expect, it } from 'vitest';
import { isExternal, loadModel, saveModel, serializeModel } from '../../../src/onnx';
import { temporaryFolder } from '../../lib/files';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { weightOnly } from './subject';

const folder = temporaryFolder();
const [V, D] = [2048, 512];

/** A table of a million values, a product with it transposed, and one of a weight of its own. */
function big(values = randomValues(V * D, 1)) {
  const g = new GraphBuilder(21, 10);
  const table = g.constant('table', [V, D], values);
  const e = g.node('e', 'Gather', [table, g.input('ids', ['t'], 'int64')]);
  const m = g.node('m', 'MatMul', [e, g.random('w', [D, V])]);
  g.output(
    g.node('h', 'Gemm', [g.node('r', 'MatMul', [m, g.random('u', [V, D])]), table], { transB: 1 }),
  );
  return g.build();
}

async function onDisk(name: string, model = big()) {
  const file = folder.at(name);
  await saveModel(model, file, { weights: 'external' });
  return loadModel(file);
}

describe('weights on disk', () => {
  it.each([
    ['matmul-nbits', 'int8'],
    ['matmul-nbits', 'uint4'],
    ['qdq', 'int4'],
    ['qdq', 'uint8'],
  ] as const)('%s, %s', async (form, type) => {
    const memory = await weightOnly(big(), { form, type, types: { e: 'uint4' } });
    const disk = await weightOnly(await onDisk(`${form}-${type}.onnx`), {
      form,
      type,
      types: { e: 'uint4' },
    });
    const large = (model: typeof disk.model) =>
      model.graph.initializer.filter((t) => /quantized/.test(t.name));
    expect(large(disk.model).length).toBe(3);
    expect(large(disk.model).every((t) => isExternal(t))).toBe(true);
    expect(large(memory.model).some((t) => isExternal(t))).toBe(false);
    const [a, b] = [serializeModel(disk.model), serializeModel(memory.model)];
    expect(Buffer.compare(a, b)).toBe(0);
  });

  it('are looked through for NaN before anything is written', async () => {
    const values = randomValues(V * D, 1);
    values[V * D - 1] = NaN;
    const { reasonOf } = await weightOnly(await onDisk('nan.onnx', big(values)), { type: 'int8' });
    expect(reasonOf('e')).toContain('NaN');
    expect(reasonOf('m')).toBeNull();
  });
});
