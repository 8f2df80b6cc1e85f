/**
 * The simulation against onnxruntime's own kernels on an emulated processor without VNNI, bit for bit: which weights are
 * neighbours, what padding holds, which kernels add pairs at all, and how a sum becomes a result.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/numeric';
import { makeTensor, type Feed, type Model, type TensorValue } from '../../../src/onnx';
import { clipPairs, pairKernel } from '../../../src/quantize/pair-sums';
import { hasClippingKernels, runProcess } from '../../lib/emulated';
import { GraphBuilder, float } from '../../lib/graph';
import { CLIPS } from '../../lib/machine';

interface Case {
  name: string;
  model: Model;
  feed: Feed;
  /** Whether the kernel adds pairs in 16 bits. */
  pairs: boolean;
}

const random = new Random(11);
const integers = (count: number, low: number, high: number) =>
  Array.from({ length: count }, () => Math.floor(random.uniform(low, high + 1)));
const scales = (count: number) =>
  Float32Array.from({ length: count }, () => random.uniform(0.001, 0.01));
/** Weights in which every channel has one sign, so that pairs clip often. */
const oneSigned = (channels: number, rest: number) =>
  Array.from({ length: channels }, () => {
    const sign = random.uniform(0, 1) < 0.5 ? 1 : -1;
    return integers(rest, 0, 127).map((w) => sign * w);
  }).flat();
const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

function conv(
  name: string,
  [channels, outputs, kernel]: [number, number, number[]],
  options: {
    group?: number;
    attributes?: Record<string, number | number[] | string>;
    signed?: boolean;
    integer?: boolean;
  } = {},
): Case {
  const { group = 1, attributes = {}, signed = false, integer = false } = options;
  const type = signed ? 'int8' : 'uint8';
  const Codes = signed ? Int8Array : Uint8Array;
  const b = new GraphBuilder();
  const x = [2, channels, ...kernel.map((_, i) => 9 - i)];
  const w = [outputs, channels / group, ...kernel];
  b.input('x', x, type);
  b.tensor(makeTensor('w', 'int8', w, Int8Array.from(oneSigned(outputs, product(w) / outputs))));
  b.tensor(makeTensor('xz', type, [], Codes.of(signed ? -5 : 7)));
  if (integer) b.node('conv', 'ConvInteger', ['x', 'w', 'xz'], { group, ...attributes }, ['y']);
  else {
    const top = (product(w) / outputs) * 255 * 127 * 0.01 * 0.02;
    b.tensor(makeTensor('xs', 'float32', [], Float32Array.of(0.02)));
    b.tensor(makeTensor('ws', 'float32', [outputs], scales(outputs)));
    b.tensor(makeTensor('wz', 'int8', [outputs], new Int8Array(outputs)));
    b.tensor(makeTensor('ys', 'float32', [], Float32Array.of(top / 120)));
    b.tensor(makeTensor('yz', type, [], Codes.of(signed ? 3 : 128)));
    b.tensor(makeTensor('b', 'int32', [outputs], Int32Array.from(integers(outputs, -9999, 9999))));
    const inputs = ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz', 'b'];
    b.node('conv', 'QLinearConv', inputs, { group, ...attributes }, ['y']);
  }
  b.output('y');
  const codes = integers(product(x), 128, 255);
  const data = signed ? Int8Array.from(codes, (c) => c - 128) : Uint8Array.from(codes);
  const depthwise = group > 1 && w[1] === 1 && outputs === group;
  const pairs = !depthwise && !signed && !integer && !(channels === 1 && outputs === 1);
  return { name, model: typed(b.build()), feed: { x: { type, dims: x, data } }, pairs };
}

type MatrixOp =
  'MatMulInteger' | 'QLinearMatMul' | 'QGemm' | 'MatMulIntegerToFloat' | 'DynamicQuantizeMatMul';

function matrix(op: MatrixOp, x: number[], w: number[], signed = false): Case {
  const type = signed ? 'int8' : 'uint8';
  const Codes = signed ? Int8Array : Uint8Array;
  const b = new GraphBuilder();
  const columns = w.at(op === 'QGemm' ? -2 : -1)!;
  const dynamic = op === 'DynamicQuantizeMatMul';
  b.input('x', x, dynamic ? 'float32' : type);
  const stacked = oneSigned(product(w.slice(0, -2)), product(w.slice(-2)));
  b.tensor(makeTensor('w', 'int8', w, Int8Array.from(stacked)));
  b.tensor(makeTensor('xz', type, [], Codes.of(3)));
  b.tensor(makeTensor('xs', 'float32', [], Float32Array.of(0.02)));
  const one = w.length > 2;
  b.tensor(makeTensor('ws', 'float32', one ? [] : [columns], scales(one ? 1 : columns)));
  b.tensor(makeTensor('wz', 'int8', one ? [] : [columns], new Int8Array(one ? 1 : columns)));
  const top = x.at(-1)! * 255 * 127 * 0.01 * 0.02;
  b.tensor(makeTensor('ys', 'float32', [], Float32Array.of(top / 120)));
  b.tensor(makeTensor('yz', 'uint8', [], Uint8Array.of(128)));
  b.tensor(makeTensor('b', 'int32', [columns], Int32Array.from(integers(columns, -9999, 9999))));
  b.constant('fb', [columns], integers(columns, -9, 9));
  const ms = 'com.microsoft';
  if (op === 'MatMulInteger') b.node('m', op, ['x', 'w', 'xz'], {}, ['y']);
  else if (op === 'QLinearMatMul')
    b.node('m', op, ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], {}, ['y']);
  else if (op === 'QGemm')
    b.node(
      'm',
      op,
      ['x', 'xs', 'xz', 'w', 'ws', 'wz', 'b'],
      { transB: 1, alpha: float(0.75) },
      ['y'],
      ms,
    );
  else if (op === 'MatMulIntegerToFloat')
    b.node('m', op, ['x', 'w', 'xs', 'ws', 'xz', 'wz', 'fb'], {}, ['y'], ms);
  else b.node('m', op, ['x', 'w', 'ws', 'wz', 'fb'], {}, ['y'], ms);
  b.output('y');
  const codes = integers(product(x), 128, 255);
  const value: TensorValue = dynamic
    ? {
        type: 'float32',
        dims: x,
        data: Float32Array.from(codes, (c) => c / 100 + random.uniform(0, 0.01)),
      }
    : {
        type,
        dims: x,
        data: signed ? Int8Array.from(codes, (c) => c - 128) : Uint8Array.from(codes),
      };
  return {
    name: `${op} ${x.join('×')} by ${w.join('×')}${signed ? ' signed' : ''}`,
    model: typed(b.build()),
    feed: { x: value },
    pairs: !signed,
  };
}

/** The output's type is the kernel's business. */
function typed(model: Model): Model {
  model.graph.output[0]!.type = undefined;
  return model;
}

const same = { auto_pad: 'SAME_UPPER' };
const cases = (): Case[] => [
  conv('three channels, padded', [3, 16, [3, 3]], { attributes: { pads: [1, 1, 1, 1] } }),
  conv('sixteen channels', [16, 16, [3, 3]], { attributes: { pads: [1, 0, 2, 1] } }),
  conv('pointwise', [6, 10, [1, 1]]),
  conv('pointwise with strides', [5, 16, [1, 1]], { attributes: { strides: [2, 2] } }),
  conv('odd depth, strides', [5, 7, [3, 3]], { attributes: { strides: [2, 2], ...same } }),
  conv('dilated', [8, 24, [3, 3]], { attributes: { dilations: [2, 2], pads: [2, 2, 2, 2] } }),
  conv('one axis', [3, 5, [4]], { attributes: { pads: [1, 2] } }),
  conv('three axes', [3, 5, [2, 3, 2]]),
  conv('groups', [6, 8, [3, 3]], { group: 2, attributes: { pads: [1, 1, 1, 1] } }),
  conv('groups, pointwise', [6, 8, [1, 1]], { group: 2 }),
  conv('two outputs a channel', [4, 8, [3, 3]], { group: 4 }),
  conv('one channel in', [1, 8, [5, 5]]),
  conv('depthwise', [16, 16, [3, 3]], { group: 16 }),
  conv('depthwise, odd', [5, 5, [3, 3]], { group: 5 }),
  conv('one channel in and out', [1, 1, [3, 3]]),
  conv('signed activations', [16, 16, [3, 3]], { signed: true }),
  conv('ConvInteger', [3, 16, [3, 3]], { integer: true }),
  ...(
    ['MatMulInteger', 'QLinearMatMul', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul'] as const
  ).flatMap((op) => [
    matrix(op, [4, 30], [30, 17]),
    matrix(op, [1, 33], [33, 5]),
    matrix(op, [2, 3, 500], [500, 20]),
  ]),
  matrix('QGemm', [4, 30], [17, 30]),
  matrix('QGemm', [1, 33], [5, 33]),
  matrix('QLinearMatMul', [3, 4, 10], [3, 10, 6]),
  matrix('MatMulInteger', [3, 4, 10], [3, 10, 6]),
  matrix('MatMulInteger', [4, 30], [30, 17], true),
];

// with VNNI and without an emulator there are no such kernels: lib/emulated.ts says so
describe.skipIf(!hasClippingKernels)('clipPairs', () => {
  it('gives what the kernels give without VNNI', { timeout: 300_000 }, () => {
    // told to leave the kernels that clip, the runtime has none for convolutions of signed codes
    const all = cases().filter(({ name }) => !CLIPS || name !== 'signed activations');
    const jobs = all.map(({ model, feed }) => ({ model, feeds: [feed] }));
    const [without, clipping] = [runProcess('exact', jobs), runProcess('clipping', jobs)];
    for (const [i, { name, model, feed, pairs }] of all.entries()) {
      const constants = new Map(model.graph.initializer.map((t) => [t.name, t]));
      const node = model.graph.node[0]!;
      const kernel = pairKernel(node, (n) => constants.get(n));
      expect(kernel !== null && kernel.atRisk > 0, name).toBe(pairs);
      const exact = without[i]![0]!.y!;
      const there = clipping[i]![0]!.y!;
      if (!kernel) {
        expect(there.data, name).toEqual(exact.data);
        continue;
      }
      expect(there.data, `${name} clips nothing`).not.toEqual(exact.data);
      const inputs = node.input.map((n) => feed[n]!);
      const { output, clipped, total } = clipPairs(kernel, inputs, exact);
      expect(output.data, name).toEqual(there.data);
      expect(clipped, name).toBeGreaterThan(0);
      expect(clipped, name).toBeLessThanOrEqual(total);
    }
  });
});
