/** QAttention with the kernels of a processor without VNNI, beside exact ones. */
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { floatData, loadModel, saveModel, type Feed } from '../../src/onnx';
import { hasClippingKernels, runProcess } from '../lib/emulated';
import { npy, temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';

const [COUNT, ROWS, HIDDEN] = [16, 8, 32];
const SIZE = ROWS * HIDDEN;
const folder = temporaryFolder();

/** Of half of the inputs the values are this much smaller in the second model, and of the other half the weights. */
const SMALLER = 8;

/** Weights whose columns are of one sign each: sums of pairs grow as large as they can. */
function model(uneven: boolean) {
  const g = new GraphBuilder(17);
  const width = 3 * HIDDEN;
  const w = randomValues(HIDDEN * width, 'w').map((v, i) => {
    const size = (Math.abs(v) / 8) * (uneven && i < (HIDDEN * width) / 2 ? 1 / SMALLER : 1);
    return i % 2 ? size : -size;
  });
  const inputs = [
    g.input('x', [1, ROWS, HIDDEN]),
    g.constant('w', [HIDDEN, width], w),
    g.random('b', [width]),
  ];
  const attributes = { num_heads: 4 };
  return g.output(g.node('att', 'Attention', inputs, attributes, ['y'], 'com.microsoft')).build();
}

const inputs = (uneven: boolean) =>
  randomValues(COUNT * SIZE, 'x', -0.2, 1).map((v, i) =>
    uneven && i % HIDDEN >= HIDDEN / 2 ? v / SMALLER : v,
  );

const feedsOf = (values: Float32Array): Feed[] =>
  Array.from({ length: COUNT }, (_, n) => ({
    x: {
      type: 'float32',
      dims: [1, ROWS, HIDDEN],
      data: values.slice(n * SIZE, (n + 1) * SIZE),
    },
  }));

beforeAll(async () => {
  for (const uneven of [false, true]) {
    await saveModel(model(uneven), folder.at(`${uneven}.onnx`));
    folder.put(`${uneven}.npy`, npy([COUNT, 1, ROWS, HIDDEN], inputs(uneven)));
  }
});

/** The written file and what was said of its layer. */
async function written(target: string, type: string, uneven = false) {
  const name = `${uneven}-${target}-${type}`;
  const text = stringify({
    model: `${uneven}.onnx`,
    output: `${name}.int8.onnx`,
    target,
    quantization: { activations: { type } },
    calibration: { data: `${uneven}.npy` },
    evaluate: { data: `${uneven}.npy` },
    sensitivity: { budget_s: 0 },
  });
  const { result } = await run(folder.at(`${name}.quant.yaml`), { text, until: 'evaluate' });
  const layer = result.layers.find((l) => l.name === 'att')!;
  const file = folder.at(`${name}.int8.onnx`);
  const saved = await loadModel(file);
  const node = saved.graph.node.find((n) => n.opType === 'QAttention')!;
  const scales = floatData(
    saved.graph.initializer.find((t) => t.name === node.input[4])!,
    null,
  );
  return { file, layer, scales, model: result.withoutVnni };
}

/** Largest difference between what both kernels give. */
function difference(file: string, feeds: readonly Feed[]): number {
  const jobs = [{ model: file, feeds }];
  const [[exact], [there]] = [runProcess('exact', jobs), runProcess('clipping', jobs)];
  const values = (all: typeof exact) => all!.flatMap((r) => [...(r.y!.data as Float32Array)]);
  const other = values(there);
  return Math.max(...values(exact).map((v, i) => Math.abs(v - other[i]!)));
}

// with VNNI and without an emulator there are no such kernels: lib/emulated.ts says so
describe.skipIf(!hasClippingKernels)('QAttention without VNNI', () => {
  it.each(['uint8', 'int8'])(
    'gives the same for x86-avx2 with %s activations, and something else for x86-vnni',
    { timeout: 300_000 },
    async (type) => {
      const [careful, plain] = [await written('x86-avx2', type), await written('x86-vnni', type)];
      expect(careful.layer).toMatchObject({ kernel: 'QAttention', withoutVnni: { canClip: 0 } });
      const feeds = feedsOf(inputs(false));
      expect(difference(careful.file, feeds)).toBeLessThanOrEqual(1e-6);
      // and what is said of the other file is what such a processor gives
      const clipped = difference(plain.file, feeds);
      expect(clipped).toBeGreaterThan(1e-3);
      expect(plain.model).toMatchObject({ samples: COUNT, outputs: [{ name: 'y' }] });
      expect(plain.model!.outputs[0]!.maxAbs).toBeCloseTo(clipped, 5);
      const said = plain.layer.withoutVnni!;
      expect(said.canClip).toBe(3 * HIDDEN);
      expect(said.clippedShare).toBeGreaterThan(0.1);
      expect(said.sqnrDb).toBeLessThan(40);
    },
  );

  it(
    'keeps weights of 8 bits where what calibration saw cannot clip',
    { timeout: 300_000 },
    async () => {
      const careful = await written('x86-avx2', 'int8', true);
      expect(careful.scales).toEqual((await written('x86-vnni', 'int8', true)).scales);
      expect(difference(careful.file, feedsOf(inputs(true)))).toBeLessThanOrEqual(1e-6);
    },
  );
});
