/** Models in bfloat16, for which onnxruntime has no CPU kernels: read in float32, or refused by the tensor's name. */
import { describe, expect, it } from 'vitest';
import { makeTensor, saveModel, serializeModel, type ElementType } from '../../src/onnx';
import { fromBfloat16Array, toBfloat16Array } from '../../src/numeric';
import { NOT_PASSED } from '../../src/jobs/refuse-types';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';

const [ROWS, IN, OUT] = [4, 64, 32];
const folder = temporaryFolder();
const bits = toBfloat16Array(randomValues(IN * OUT, 'w'));

/** x · w in bfloat16 between Casts, or with bfloat16 at its borders. */
function model(border: 'float32' | 'bfloat16') {
  const g = new GraphBuilder(17);
  const x = g.input('x', [ROWS, IN], border);
  const inner = border === 'float32' ? g.node('narrow', 'Cast', [x], { to: 16 }) : x;
  const w = g.tensor(makeTensor('w', 'bfloat16', [IN, OUT], bits));
  const y = g.node('product', 'MatMul', [inner, w]);
  if (border === 'bfloat16') return g.outputAs('bfloat16', y).build();
  return g.output(g.node('wide', 'Cast', [y], { to: 1 })).build();
}

async function recipe(name: string, mode: string, border: 'float32' | 'bfloat16' = 'float32') {
  await saveModel(model(border), folder.at(`${name}.onnx`));
  const data = 'calibration: { data: random, samples: 4 }';
  const lines = [`model: ${name}.onnx`, `output: ${name}.out.onnx`, data];
  const rest = [`quantization: { mode: ${mode} }`, 'latency: { seconds: 0.3, pairs: 3 }'];
  return folder.put(`${name}.quant.yaml`, [...lines, ...rest].join('\n'));
}

describe('a product in bfloat16', () => {
  it('is refused by the runtime as it is', async () => {
    await expect(Session.open(serializeModel(model('float32')))).rejects.toMatchObject({
      code: 'model.does-not-load',
    });
  });

  it.each<[string, string, number]>([
    ['static', 'int8', 30],
    ['dynamic', 'int8', 30],
    ['weight-only', 'int8', 30],
    ['weight-only', 'int4', 15],
  ])('mode %s to %s: quantized and compared in float32', async (mode, type, least) => {
    const text = `${mode}${mode === 'weight-only' ? `, weights: { type: ${type} }` : ''}`;
    const { result } = await run(await recipe(`${mode}-${type}`, text));
    expect(result.layers.find((l) => l.name === 'product')!.precision).toBe(type);
    expect(result.notes.map(({ code }) => code)).toContain('half-to-float32');
    expect(Math.min(...Object.values(result.sqnrDb))).toBeGreaterThan(least);
    expect(result.latency!.speedup).toBeGreaterThan(0);
  });

  it('is compared with what its bits say', async () => {
    const { result } = await run(await recipe('exact', 'dynamic'));
    const session = await Session.open(result.output!);
    const x = randomValues(ROWS * IN, 'x');
    const { wide_out: y } = await session.run({
      x: { type: 'float32', dims: [ROWS, IN], data: x },
    });
    const w = fromBfloat16Array(bits);
    const got = y!.data as Float32Array;
    for (let r = 0; r < ROWS; r++)
      for (let c = 0; c < OUT; c++) {
        let sum = 0;
        for (let i = 0; i < IN; i++) sum += x[r * IN + i]! * w[i * OUT + c]!;
        expect(Math.abs(got[r * OUT + c]! - sum)).toBeLessThan(0.1);
      }
    await session.release();
  });

  it.each(['static', 'dynamic', 'weight-only', 'float16'])(
    'mode %s refuses an input in bfloat16 by its name',
    async (mode) => {
      await expect(run(await recipe(`border-${mode}`, mode, 'bfloat16'))).rejects.toMatchObject({
        code: 'model.unsupported-type',
        place: { tensor: 'x', file: folder.at(`border-${mode}.onnx`) },
      });
    },
  );
});

describe('what is refused', () => {
  const passes = async (type: ElementType) => {
    const g = new GraphBuilder(23, 12);
    const x = g.input('x', [1], type);
    const model = g.output(g.node('wide', 'Cast', [x], { to: 1 })).build();
    const session = await Session.open(serializeModel(model));
    await session.release();
  };

  it.each(NOT_PASSED)('%s: the runtime loads no model that takes it', async (type) => {
    await expect(passes(type)).rejects.toMatchObject({ code: 'model.does-not-load' });
  });

  it.each<ElementType>([
    'float32',
    'float16',
    'float64',
    'int64',
    'uint8',
    'bool',
    'int4',
    'uint4',
  ])('%s passes', async (type) => {
    await passes(type);
  });
});
