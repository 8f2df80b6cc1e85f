/**
 * DESIGN §4.9: the runtime quantizes float layers between DQ and Q again, unless they are written in a form that it does
 * not match. Every row is a layer kept in FP32 between two integer layers, run as people run it.
 */
import { describe, expect, it, vi } from 'vitest';
import type { protectFloat } from '../../src/quantize/protect';
import { float, GraphBuilder } from '../lib/graph';
import { executed, quantize } from '../lib/quantize';
import { output, outputs, randomFeed, relativeDifference } from '../lib/runtime';

const protection = vi.hoisted(() => ({ on: true }));
vi.mock('../../src/quantize/protect', async (original) => {
  const real = await original<{ protectFloat: typeof protectFloat }>();
  const onlyIfOn: typeof protectFloat = (...args) => protection.on && real.protectFloat(...args);
  return { protectFloat: onlyIfOn };
});

type Part = (g: GraphBuilder, ...inputs: string[]) => string;
interface Case {
  /** Shape of what the integer layers before it leave. */
  shape: number[];
  /** The layer, called `kept`; it and what follows may be several nodes. */
  kept: Part;
  /** How many integer layers it reads. */
  inputs?: number;
  /** Other layers that are kept. */
  also?: string[];
  /** False where the recipe need not ask: the layer is float anyway. */
  ask?: boolean;
  /** What the runtime does to it where nothing is done against it. */
  otherwise: 'int8' | 'float32';
}

const IMAGE = [1, 8, 6, 6];
const VECTOR = [4, 8];
const pads = { pads: [1, 1, 1, 1] };

const one =
  (op: string, attributes: Parameters<GraphBuilder['node']>[3] = {}): Part =>
  (g, ...inputs) =>
    g.node('kept', op, inputs, attributes);
const conv =
  (bias: boolean, weight = [8, 8, 3, 3], attributes = {}): Part =>
  (g, x) => {
    const inputs = [x, g.random('kept.w', weight)];
    if (bias) inputs.push(g.random('kept.b', [weight[0]!]));
    return g.node('kept', 'Conv', inputs, { ...pads, ...attributes });
  };
const gemm =
  (bias: boolean, transB = 0): Part =>
  (g, x) => {
    const inputs = [x, g.random('kept.w', [8, 8])];
    if (bias) inputs.push(g.random('kept.b', [8]));
    return g.node('kept', 'Gemm', inputs, { transB });
  };
const then =
  (first: Part, op: string, attributes = {}, constants: (g: GraphBuilder) => string[] = () => []) =>
  (g: GraphBuilder, ...inputs: string[]) =>
    g.node('then', op, [first(g, ...inputs), ...constants(g)], attributes);
const bounds = (g: GraphBuilder) => [g.constant('zero', [], [0]), g.constant('six', [], [6])];

const cases: Record<string, Case> = {
  Conv: { shape: IMAGE, kept: conv(false), otherwise: 'int8' },
  'Conv with bias': { shape: IMAGE, kept: conv(true), otherwise: 'int8' },
  'Conv → Relu': { shape: IMAGE, kept: then(conv(true), 'Relu'), otherwise: 'int8' },
  'Conv → Clip': { shape: IMAGE, kept: then(conv(true), 'Clip', {}, bounds), otherwise: 'int8' },
  'Conv → MaxPool': {
    shape: IMAGE,
    kept: then(conv(true), 'MaxPool', { kernel_shape: [2, 2] }),
    otherwise: 'int8',
  },
  'Conv → Transpose': {
    shape: IMAGE,
    kept: then(conv(true), 'Transpose', { perm: [0, 1, 3, 2] }),
    otherwise: 'int8',
  },
  'depthwise Conv': {
    shape: IMAGE,
    kept: conv(true, [8, 1, 3, 3], { group: 8 }),
    otherwise: 'int8',
  },
  'Conv of one channel': {
    shape: [1, 1, 6, 6],
    kept: conv(true, [8, 1, 3, 3]),
    otherwise: 'int8',
  },
  'Conv of one channel without bias': {
    shape: [1, 1, 6, 6],
    kept: conv(false, [8, 1, 3, 3]),
    otherwise: 'int8',
  },
  'Conv in one dimension': {
    shape: [1, 8, 12],
    kept: (g, x) => g.node('kept', 'Conv', [x, g.random('kept.w', [8, 8, 3])]),
    otherwise: 'int8',
  },
  ConvTranspose: {
    shape: IMAGE,
    kept: (g, x) => g.node('kept', 'ConvTranspose', [x, g.random('kept.w', [8, 8, 2, 2])]),
    ask: false,
    otherwise: 'float32',
  },
  Gemm: { shape: VECTOR, kept: gemm(false), otherwise: 'int8' },
  'Gemm with bias': { shape: VECTOR, kept: gemm(true), otherwise: 'int8' },
  'Gemm with bias, transB': { shape: VECTOR, kept: gemm(true, 1), otherwise: 'int8' },
  'Gemm → Relu': { shape: VECTOR, kept: then(gemm(true), 'Relu'), otherwise: 'int8' },
  MatMul: {
    shape: VECTOR,
    kept: (g, x) => g.node('kept', 'MatMul', [x, g.random('kept.w', [8, 8])]),
    otherwise: 'float32',
  },
  'MatMul → Add': {
    shape: VECTOR,
    kept: (g, x) =>
      g.node('then', 'Add', [
        g.node('kept', 'MatMul', [x, g.random('kept.w', [8, 8])]),
        g.random('kept.b', [8]),
      ]),
    otherwise: 'int8',
  },
  'MatMul of two results': {
    shape: [8, 8],
    kept: one('MatMul'),
    inputs: 2,
    otherwise: 'int8',
  },
  Add: { shape: IMAGE, kept: one('Add'), inputs: 2, otherwise: 'int8' },
  'Add → Relu': { shape: IMAGE, kept: then(one('Add'), 'Relu'), inputs: 2, otherwise: 'int8' },
  Mul: { shape: IMAGE, kept: one('Mul'), inputs: 2, otherwise: 'int8' },
  AveragePool: {
    shape: IMAGE,
    kept: one('AveragePool', { kernel_shape: [2, 2] }),
    otherwise: 'int8',
  },
  GlobalAveragePool: { shape: IMAGE, kept: one('GlobalAveragePool'), otherwise: 'int8' },
  MaxPool: { shape: IMAGE, kept: one('MaxPool', { kernel_shape: [2, 2] }), otherwise: 'float32' },
  'MaxPool → Conv, both kept': {
    shape: IMAGE,
    kept: (g, x) =>
      conv(true)(g, g.node('first', 'MaxPool', [x], { kernel_shape: [2, 2] }, ['first_out'])),
    also: ['first'],
    otherwise: 'int8',
  },
  'Resize → Conv, both kept': {
    shape: IMAGE,
    kept: (g, x) =>
      conv(true)(
        g,
        g.node('first', 'Resize', [x, '', g.constant('scales', [4], [1, 1, 2, 2])], {
          mode: 'nearest',
        }),
      ),
    also: ['first'],
    otherwise: 'float32',
  },
  Sigmoid: { shape: IMAGE, kept: one('Sigmoid'), otherwise: 'int8' },
  LeakyRelu: { shape: IMAGE, kept: one('LeakyRelu', { alpha: float(0.1) }), otherwise: 'int8' },
  Softmax: { shape: VECTOR, kept: one('Softmax', { axis: 1 }), ask: false, otherwise: 'int8' },
  'Resize, nearest': {
    shape: IMAGE,
    kept: (g, x) =>
      g.node('kept', 'Resize', [x, '', g.constant('scales', [4], [1, 1, 2, 2])], {
        mode: 'nearest',
      }),
    otherwise: 'int8',
  },
  'Resize, linear': {
    shape: IMAGE,
    kept: (g, x) =>
      g.node('kept', 'Resize', [x, '', g.constant('scales', [4], [1, 1, 2, 2])], {
        mode: 'linear',
      }),
    ask: false,
    otherwise: 'float32',
  },
};

/** Integer layers that leave what the kept layer reads: `before0`, `before1`. */
function before(g: GraphBuilder, { shape, inputs = 1 }: Case): string[] {
  const [, c] = shape as [number, number];
  const spatial = shape.length > 2 ? shape.slice(2) : [1, 1];
  const x = g.input('x', [shape[0]!, c, ...spatial]);
  return Array.from({ length: inputs }, (_, i) => {
    const weight = g.random(`w${i}`, [c, c, ...spatial.map(() => 1)]);
    const image = g.node(`before${i}`, 'Conv', [x, weight]);
    return shape.length > 2 ? image : g.node(`flat${i}`, 'Flatten', [image]);
  });
}

/** The integer layer that reads it. */
function after(g: GraphBuilder, { shape }: Case, y: string): string {
  if (shape.length === 2) return g.node('after', 'Gemm', [y, g.random('after.w', [8, 8])]);
  const kernel = shape.slice(2).map(() => 1);
  return g.node('after', 'Conv', [y, g.random('after.w', [8, 8, ...kernel])]);
}

/** Other integer layers that read the views of what comes in: without them the views would be float. */
function beside(g: GraphBuilder, inputs: string[]): string[] {
  return inputs.map((x, i) => g.node(`beside${i}`, 'Gemm', [x, g.random(`beside${i}.w`, [8, 8])]));
}

/** What the recipe says to keep. */
const keep = ({ ask, also = [] }: Case) => (ask === false ? also : ['kept', ...also]);

/** All three parts in one model. */
function whole(row: Case) {
  const g = new GraphBuilder();
  const inputs = before(g, row);
  const y = row.kept(g, ...inputs);
  const outputs = [after(g, row, y), ...(row.shape.length === 2 ? beside(g, inputs) : [])];
  return { model: g.output(...outputs).build(), y };
}

describe('a layer kept in FP32 between integer layers', () => {
  it.each(Object.entries(cases))('%s: without protection', async (_, row) => {
    protection.on = false;
    const q = await quantize(whole(row).model, { keep: keep(row) });
    expect((await executed(q)).of('kept').precision).toBe(row.otherwise);
  });

  it.each(Object.entries(cases))('%s: runs as the file means it', async (_, row) => {
    protection.on = true;
    const { model, y } = whole(row);
    const q = await quantize(model, { keep: keep(row) });
    const { of } = await executed(q);
    for (const name of ['kept', ...(row.also ?? [])]) {
      expect(of(name).precision, name).toBe('float32');
      expect(of(name).roundedWeights, name).toBeUndefined();
    }
    expect([of('before0').precision, of('after').precision]).toEqual(['int8', 'int8']);

    // the same three parts one after the other, the first and the last quantized with the same scales
    const part = (build: (g: GraphBuilder) => string[]) => {
      const g = new GraphBuilder();
      return g.output(...build(g)).build();
    };
    const feed = randomFeed(model, 99);
    const { params } = q;
    const first = await quantize(
      part((g) => before(g, row)),
      { params },
    );
    const middle = await outputs(first.model, feed);
    const kept = part((g) => {
      const names = Object.entries(middle).map(([name, v]) => g.input(name, v.dims));
      return [row.kept(g, ...names)];
    });
    const [float32] = Object.values(await outputs(kept, middle));
    const last = part((g) => [after(g, row, g.input(y, float32!.dims))]);
    const { model: lastModel } = await quantize(last, { params });
    const reference = await output(lastModel, { [y]: float32! });
    expect(relativeDifference(await output(q.model, feed), reference)).toBeLessThanOrEqual(1e-6);
  });
});
