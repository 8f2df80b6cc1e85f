/** Attention without a bias, which ends the runtime's process: no job hands it over as it is. */
import { beforeAll, describe, expect, it } from 'vitest';
import { dequantizeFile } from '../../src/jobs/dequantize';
import { diffFiles } from '../../src/jobs/diff';
import { Memory } from '../../src/jobs/memory';
import { saveModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { run, WORKER } from '../lib/job';

const [ROWS, HIDDEN] = [6, 32];
const folder = temporaryFolder();

/** Attention between two products; with `quantized`, what the first one reads is rounded to codes. */
function model(quantized = false) {
  const g = new GraphBuilder(17);
  let x = g.input('x', [1, ROWS, HIDDEN]);
  if (quantized) {
    const codes = g.node('q', 'QuantizeLinear', [x, g.constant('s', [], [1 / 64])]);
    x = g.node('dq', 'DequantizeLinear', [codes, 's']);
  }
  const first = g.node('first', 'MatMul', [x, g.random('w1', [HIDDEN, HIDDEN], 0.3)]);
  const inputs = [first, g.random('w', [HIDDEN, 3 * HIDDEN], 0.3)];
  const y = g.node('att', 'Attention', inputs, { num_heads: 4 }, ['y'], 'com.microsoft');
  return g.output(g.node('last', 'MatMul', [y, g.random('w2', [HIDDEN, 8], 0.3)])).build();
}

beforeAll(async () => {
  await saveModel(model(), folder.at('model.onnx'));
  await saveModel(model(true), folder.at('codes.onnx'));
});

describe('Attention without a bias', () => {
  it.each(['static', 'dynamic', 'weight-only', 'float16'])(
    'mode %s: quantized, compared and timed',
    { timeout: 60_000 },
    async (mode) => {
      const recipe = folder.put(
        `${mode}.quant.yaml`,
        [
          'model: model.onnx',
          `output: ${mode}.onnx`,
          'calibration: { data: random, samples: 8 }',
          `quantization: { mode: ${mode} }`,
          'latency: { seconds: 0.3, pairs: 6 }',
        ].join('\n'),
      );
      const { result } = await run(recipe);
      expect(result.verification?.ranOn).not.toBeNull();
      expect(Math.min(...Object.values(result.sqnrDb))).toBeGreaterThan(
        mode === 'weight-only' ? 15 : 25,
      );
      expect(result.latency!.speedup).toBeGreaterThan(0);
    },
  );

  it('is compared with another model, timed too', { timeout: 60_000 }, async () => {
    const hooks = { progress: () => undefined, partial: () => undefined };
    const request = { a: folder.at('model.onnx'), b: folder.at('codes.onnx'), time: true };
    const { outputs, tensors, latency, notes } = await diffFiles(
      request,
      new Memory(),
      hooks,
      WORKER,
    );
    expect(outputs).toHaveLength(1);
    expect(tensors.length).toBeGreaterThan(0);
    expect(latency).not.toBeNull();
    expect(notes.map((n) => n.code)).toEqual(['random-data']);
  });

  it('is compared with what it comes from', async () => {
    const request = { model: folder.at('codes.onnx'), output: folder.at('float.onnx') };
    const { outputs, comparedOn } = await dequantizeFile(request, () => undefined);
    expect(outputs).toHaveLength(1);
    expect(comparedOn!.samples).toBeGreaterThan(0);
  });
});
