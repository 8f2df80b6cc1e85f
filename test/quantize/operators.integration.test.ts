/**
 * What the runtime makes of DequantizeLinear → operator → QuantizeLinear (DESIGN §4.3), and that
 * src/quantize/operators.ts says the same.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTensor, serializeModel, type Model } from '../../src/onnx';
import { FLOAT_REASONS, INTEGER_OPERATORS } from '../../src/quantize/operators';
import { optimizedGraph } from '../../src/runtime/optimized';
import { runtimeVersion } from '../../src/runtime/session';
import { float, GraphBuilder } from '../lib/graph';

const GOLDEN = path.join(import.meta.dirname, 'operators.golden.json');

/** How the runtime executes an operator: an integer kernel's name, `codes` (it moves them as they are) or `float`. */
interface Row {
  /** Where input and output have one scale. */
  same: string;
  /** Where they have two. */
  different: string;
}
interface Golden {
  runtime: string;
  operators: Record<string, Row>;
}

/** The output of an operator from one input (and constants); inputs are dequantized, the output is quantized. */
type Make = (g: Quantizing, x: string) => string;

/** A builder that dequantizes what it is asked for. */
class Quantizing extends GraphBuilder {
  private count = 0;

  /** Codes of type uint8 from outside, dequantized. */
  activation(shape: readonly number[], scale = 0.02): string {
    const name = `input${this.count++}`;
    return this.dequantize(name, this.input(name, shape, 'uint8'), scale);
  }

  dequantize(name: string, codes: string, scale: number): string {
    return this.node(`${name}.dq`, 'DequantizeLinear', [codes, ...this.params(name, scale)]);
  }

  quantize(name: string, tensor: string, scale: number): string {
    return this.node(`${name}.q`, 'QuantizeLinear', [tensor, ...this.params(name, scale)]);
  }

  /** An int8 weight with a scale for every channel along `axis`. */
  weight(dims: readonly number[], axis: number): string {
    const count = dims.reduce((a, b) => a * b, 1);
    const codes = Int8Array.from({ length: count }, (_, i) => ((i * 37) % 255) - 127);
    const n = dims[axis]!;
    const inputs = [
      this.tensor(makeTensor('w', 'int8', dims, codes)),
      this.constant('w.scale', [n], new Array<number>(n).fill(0.01)),
      this.tensor(makeTensor('w.zero', 'int8', [n], new Int8Array(n))),
    ];
    return this.node('w.dq', 'DequantizeLinear', inputs, { axis });
  }

  private params(name: string, scale: number): string[] {
    return [
      this.constant(`${name}.scale`, [], [scale]),
      this.tensor(makeTensor(`${name}.zero`, 'uint8', [], Uint8Array.of(128))),
    ];
  }
}

const op =
  (name: string, attributes: Parameters<GraphBuilder['node']>[3] = {}): Make =>
  (g, x) =>
    g.node('op', name, [x], attributes);
const withInts =
  (name: string, ...lists: number[][]): Make =>
  (g, x) =>
    g.node('op', name, [x, ...lists.map((list, i) => g.ints(`ints${i}`, list))]);
const two =
  (name: string, shape: readonly number[] = IMAGE): Make =>
  (g, x) =>
    g.node('op', name, [x, g.activation(shape)], name === 'Concat' ? { axis: 1 } : {});
const resize =
  (mode: string): Make =>
  (g, x) =>
    g.node('op', 'Resize', [x, '', g.constant('scales', [4], [1, 1, 2, 2])], { mode });

const IMAGE = [1, 8, 6, 6];
const MATRIX = [4, 8];
const vector = (g: GraphBuilder, name: string) => g.random(name, [8]);

const images: Record<string, Make> = {
  Conv: (g, x) => g.node('op', 'Conv', [x, g.weight([8, 8, 3, 3], 0)]),
  'Conv depthwise': (g, x) => g.node('op', 'Conv', [x, g.weight([8, 1, 3, 3], 0)], { group: 8 }),
  ConvTranspose: (g, x) => g.node('op', 'ConvTranspose', [x, g.weight([8, 8, 2, 2], 1)]),
  Add: two('Add'),
  Sub: two('Sub'),
  Mul: two('Mul'),
  Div: two('Div'),
  Max: two('Max'),
  Concat: two('Concat'),
  LeakyRelu: op('LeakyRelu', { alpha: float(0.1) }),
  PRelu: (g, x) => g.node('op', 'PRelu', [x, g.random('slope', [8, 1, 1])]),
  Sigmoid: op('Sigmoid'),
  Tanh: op('Tanh'),
  HardSwish: op('HardSwish'),
  HardSigmoid: op('HardSigmoid'),
  Exp: op('Exp'),
  AveragePool: op('AveragePool', { kernel_shape: [2, 2] }),
  GlobalAveragePool: op('GlobalAveragePool'),
  MaxPool: op('MaxPool', { kernel_shape: [2, 2] }),
  GlobalMaxPool: op('GlobalMaxPool'),
  ReduceMean: op('ReduceMean', { axes: [2, 3] }),
  InstanceNormalization: (g, x) =>
    g.node('op', 'InstanceNormalization', [x, vector(g, 'gamma'), vector(g, 'beta')]),
  Pad: (g, x) => g.node('op', 'Pad', [x, g.ints('pads', [0, 0, 1, 1, 0, 0, 1, 1])]),
  Transpose: op('Transpose', { perm: [0, 2, 3, 1] }),
  Reshape: withInts('Reshape', [1, 8, 36]),
  Flatten: op('Flatten'),
  Squeeze: withInts('Squeeze', [0]),
  Unsqueeze: withInts('Unsqueeze', [0]),
  Slice: withInts('Slice', [0], [2], [2]),
  Split: (g, x) => g.node('op', 'Split', [x], { axis: 1 }, ['op_out', 'op_out2']),
  Gather: (g, x) => g.node('op', 'Gather', [x, g.ints('indices', [0, 2])], { axis: 1 }),
  Expand: withInts('Expand', [2, 8, 6, 6]),
  Tile: withInts('Tile', [1, 1, 2, 2]),
  DepthToSpace: op('DepthToSpace', { blocksize: 2 }),
  SpaceToDepth: op('SpaceToDepth', { blocksize: 2 }),
  'Resize nearest': resize('nearest'),
  'Resize linear': resize('linear'),
};
const matrices: Record<string, Make> = {
  Gemm: (g, x) => g.node('op', 'Gemm', [x, g.weight([8, 8], 1)]),
  'Gemm transB': (g, x) => g.node('op', 'Gemm', [x, g.weight([8, 8], 0)], { transB: 1 }),
  MatMul: (g, x) => g.node('op', 'MatMul', [x, g.weight([8, 8], 1)]),
  'MatMul of two results': two('MatMul', [8, 8]),
  Softmax: op('Softmax', { axis: 1 }),
  LogSoftmax: op('LogSoftmax', { axis: 1 }),
  LayerNormalization: (g, x) => g.node('op', 'LayerNormalization', [x, vector(g, 'gamma')]),
};

function build(make: Make, shape: readonly number[], scale: number): Model {
  const g = new Quantizing(17);
  const y = make(g, g.activation(shape));
  g.quantize('y', y, scale);
  const model = g.build();
  const outputs = model.graph.node.find((n) => n.name === 'op')!.output;
  for (const other of outputs.slice(1)) g.quantize(other, other, scale);
  for (const node of model.graph.node)
    if (node.opType === 'QuantizeLinear') g.output(node.output[0]!);
  model.graph.output.forEach((v) => (v.type = undefined));
  return model;
}

/** What the optimized graph does between codes and codes. */
async function executes(make: Make, shape: readonly number[], scale: number): Promise<string> {
  const optimized = await optimizedGraph(serializeModel(build(make, shape, scale)));
  const ops = optimized.graph.node.map((n) => n.opType);
  const kernel = ops.find((o) => /^Q(Linear|Gemm)|^MatMulInteger/.test(o));
  if (kernel) return kernel;
  return ops.includes('DequantizeLinear') ? 'float' : 'codes';
}

const actual: Golden = { runtime: runtimeVersion(), operators: {} };
beforeAll(async () => {
  for (const [rows, shape] of [
    [images, IMAGE],
    [matrices, MATRIX],
  ] as const)
    for (const [name, make] of Object.entries(rows))
      actual.operators[name] = {
        same: await executes(make, shape, 0.02),
        different: await executes(make, shape, 0.05),
      };
});

describe('operators between DQ and Q', () => {
  it('run as they did when the table was made', () => {
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Golden;
    const text = `${JSON.stringify(actual, null, 2)}\n`;
    if (text !== readFileSync(GOLDEN, 'utf8')) writeFileSync(`${GOLDEN}.actual`, text);
    // another runtime: look at the differences, change operators.ts, and take the .actual file over
    expect(actual.runtime).toBe(golden.runtime);
    expect(actual.operators).toEqual(golden.operators);
  });

  it.each(Object.entries(INTEGER_OPERATORS))('%s is what operators.ts says', (name, { form }) => {
    const rows = Object.entries(actual.operators).filter(([key]) => key.split(' ')[0] === name);
    const usable = rows.filter(([key]) => key !== 'Resize linear' && !key.includes('two results'));
    expect(usable.length).toBeGreaterThan(0);
    for (const [key, row] of usable) {
      if (form === 'passthrough') expect(row.same, key).toBe('codes');
      else expect(row.different, key).toMatch(/^Q|MatMulInteger/);
    }
  });

  it.each([
    ...['ConvTranspose', 'Sub', 'Div', 'PRelu', 'HardSwish', 'Tanh', 'ReduceMean', 'Pad', 'Max'],
    ...['InstanceNormalization', 'LayerNormalization', 'SpaceToDepth', 'LogSoftmax'],
  ])('%s runs in float whatever the file says', (name) => {
    expect(actual.operators[name]).toEqual({ same: 'float', different: 'float' });
    expect(INTEGER_OPERATORS[name]).toBeUndefined();
  });

  it('has no rule for an operator that it also calls float', () => {
    for (const name of Object.keys(FLOAT_REASONS)) expect(INTEGER_OPERATORS[name]).toBeUndefined();
  });
});
