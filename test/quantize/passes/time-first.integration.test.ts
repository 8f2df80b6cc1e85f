/** Layers with the batch first run as time first, and give what ONNX's own backend test says they give. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../../../src/onnx';
import { timeFirst } from '../../../src/quantize/passes/time-first';
import { backendCase, difference, runModel } from '../../onnx/runner';
import { GraphBuilder, printGraph } from '../../lib/graph';
import { applied, untouched } from '../../lib/pass';
import { hasShared, sharedFile } from '../../lib/shared';

function layer(layout: 0 | 1) {
  const b = new GraphBuilder(14);
  const inputs = [
    b.input('x', [2, 3, 4]),
    b.random('w', [1, 20, 4]),
    b.random('r', [1, 20, 5]),
    '',
    '',
    b.input('h', layout ? [2, 1, 5] : [1, 3, 5]),
  ];
  const attributes = { hidden_size: 5, ...(layout ? { layout } : {}) };
  b.node('lstm', 'LSTM', inputs, attributes, ['y', 'y_h', 'y_c']);
  return b.output('y', 'y_h', 'y_c').build();
}

test('transposes around the node', async () => {
  const { after } = await applied(timeFirst, layer(1));
  const lines = printGraph(after).split('\n');
  expect(lines.filter((l) => l.includes('Transpose'))).toHaveLength(5);
  expect(lines.some((l) => l.includes('layout'))).toBe(false);
});

test('leaves time first as it is', async () => {
  expect(await untouched(timeFirst, layer(0))).toBe(true);
});

test.skipIf(!hasShared)('gives what ONNX expects of a GRU with the batch first', async () => {
  const folder = sharedFile('backend', 'node', 'test_gru_batchwise');
  const model = await loadModel(path.join(folder, 'model.onnx'));
  const { feeds, want } = backendCase(model, path.join(folder, 'test_data_set_0'))!;
  // the runtime refuses the model as it is
  await expect(runModel(model, feeds)).rejects.toThrow();
  timeFirst(model);
  const got = await runModel(model, feeds);
  for (const [name, value] of Object.entries(want)) expect(difference(got[name], value)).toBeNull();
});
