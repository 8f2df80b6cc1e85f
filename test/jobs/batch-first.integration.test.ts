/** Recurrent layers with the batch first, whose FP32 model onnxruntime refuses: quantized and compared all the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadModel, saveModel } from '../../src/onnx';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';
import { relativeDifference } from '../lib/runtime';

const [BATCH, STEPS, IN, HIDDEN] = [2, 12, 20, 64];
const folder = temporaryFolder();

function model(op: 'LSTM' | 'GRU', layout: 0 | 1 = 1) {
  const gates = op === 'LSTM' ? 4 : 3;
  const g = new GraphBuilder(17);
  const inputs = [
    g.input('x', layout ? [BATCH, STEPS, IN] : [STEPS, BATCH, IN]),
    g.random('w', [1, gates * HIDDEN, IN], 0.3),
    g.random('r', [1, gates * HIDDEN, HIDDEN], 0.2),
  ];
  g.node('cell', op, inputs, { hidden_size: HIDDEN, layout }, ['y', 'h']);
  return g.output(g.node('head', 'MatMul', ['y', g.random('hw', [HIDDEN, 8], 0.3)]), 'h').build();
}

beforeAll(async () => {
  for (const op of ['LSTM', 'GRU'] as const) await saveModel(model(op), folder.at(`${op}.onnx`));
});

describe.each(['LSTM', 'GRU'] as const)('%s with layout = 1', (op) => {
  it('is refused by the runtime as it is', async () => {
    await expect(Session.open(folder.at(`${op}.onnx`))).rejects.toMatchObject({
      code: 'model.does-not-load',
    });
  });

  it.each(['static', 'dynamic'])('mode %s: quantized, timed and compared', async (mode) => {
    const recipe = folder.put(
      `${op}-${mode}.quant.yaml`,
      [
        `model: ${op}.onnx`,
        `output: ${op}-${mode}.onnx`,
        'calibration: { data: random, samples: 4 }',
        `quantization: { mode: ${mode} }`,
        'latency: { seconds: 0.5, pairs: 6 }',
      ].join('\n'),
    );
    const { result } = await run(recipe);
    const cell = result.layers.find((l) => l.name === 'cell')!;
    expect(cell.executed).toBe(mode === 'dynamic' && op === 'LSTM' ? 'int8' : 'mixed');
    expect(result.verification?.ranOn).not.toBeNull();
    expect(Math.min(...Object.values(result.sqnrDb))).toBeGreaterThan(30);
    expect(result.latency!.speedup).toBeGreaterThan(0);
    expect(result.notes).toContainEqual(
      expect.objectContaining({ code: 'batch-first', layer: 'cell' }),
    );
    const written = await loadModel(result.output!);
    expect(written.graph.input.map(({ name }) => name)).toEqual(['x']);
  });
});

describe('the file that is written', () => {
  it('takes and gives the axes of the source', async () => {
    const session = await Session.open(folder.at('LSTM-dynamic.onnx'));
    const data = Float32Array.from({ length: BATCH * STEPS * IN }, (_, i) => Math.sin(i));
    const { h } = await session.run({ x: { type: 'float32', dims: [BATCH, STEPS, IN], data } });
    expect(h!.dims).toEqual([BATCH, 1, HIDDEN]);
    await saveModel(model('LSTM', 0), folder.at('time-first.onnx'));
    const exact = await Session.open(folder.at('time-first.onnx'));
    const turned = new Float32Array(data.length);
    for (let b = 0; b < BATCH; b++)
      for (let t = 0; t < STEPS; t++)
        for (let i = 0; i < IN; i++)
          turned[(t * BATCH + b) * IN + i] = data[(b * STEPS + t) * IN + i]!;
    const want = await exact.run({
      x: { type: 'float32', dims: [STEPS, BATCH, IN], data: turned },
    });
    expect(want.h!.dims).toEqual([1, BATCH, HIDDEN]);
    const [got, expected] = [h!.data, want.h!.data] as [Float32Array, Float32Array];
    expect(relativeDifference(got, expected)).toBeLessThan(0.03);
    await session.release();
    await exact.release();
  });
});
