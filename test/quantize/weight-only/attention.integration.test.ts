/** com.microsoft.Attention in weight-only mode: its product apart, and MultiHeadAttention for the rest. */
import { describe, expect, it } from 'vitest';
import { makeTensor, type Model } from '../../../src/onnx';
import { countOps, float, GraphBuilder } from '../../lib/graph';
import { outputs, randomFeed, relativeDifference, tensors } from '../../lib/runtime';
import { weightOnly } from './subject';

const [B, S, H, HEADS, PAST] = [2, 6, 32, 4, 3];

interface Form {
  bias?: boolean;
  /** Dims of a mask, 1 where the key counts. */
  mask?: number[];
  /** The mask is an input of this shape, and so not known beforehand. */
  open?: (number | string)[];
  past?: boolean;
  scoreBias?: number[];
  sizes?: number[];
  attributes?: Parameters<GraphBuilder['node']>[3];
}

/** Values of masks: of one axis lengths (and begins), else what counts. */
function maskValues(dims: readonly number[]): Int32Array {
  const count = dims.reduce((a, b) => a * b, 1);
  return Int32Array.from({ length: count }, (_, i) =>
    dims.length === 1 ? (i < B ? 4 + i : i - B) : Number(i % dims.at(-1)! < 3 || i % 2 === 0),
  );
}

function attention(form: Form = {}): Model {
  const { bias = true, mask, open, past = false, scoreBias, sizes, attributes } = form;
  const g = new GraphBuilder(17);
  const width = (sizes ?? [H, H, H]).reduce((a, b) => a + b, 0);
  const inputs = [
    g.input('x', [B, S, H]),
    g.random('w', [H, width], 0.3),
    bias ? g.random('b', [width]) : '',
    open ? g.input('mask', open, 'int32') : '',
    past ? g.input('past', [2, B, HEADS, PAST, H / HEADS]) : '',
    scoreBias ? g.random('score', scoreBias) : '',
  ];
  if (mask) inputs[3] = g.tensor(makeTensor('mask', 'int32', mask, maskValues(mask)));
  while (inputs.at(-1) === '') inputs.pop();
  const all = { num_heads: HEADS, ...attributes, ...(sizes ? { qkv_hidden_sizes: sizes } : {}) };
  const results = past ? ['y', 'present'] : ['y'];
  g.node('att', 'Attention', inputs, all, results, 'com.microsoft');
  return g.output(...results).build();
}

const FORMS: [string, Form][] = [
  ['plain', {}],
  ['without a bias', { bias: false }],
  ['causal', { attributes: { unidirectional: 1 } }],
  ['with lengths', { mask: [B] }],
  ['with a mask of keys', { mask: [B, S] }],
  ['with a mask of one column, which masks nothing', { mask: [B, 1] }],
  ['with a mask of scores', { mask: [B, S, S], attributes: { unidirectional: 1 } }],
  ['with a mask of its own depth', { mask: [B, S], attributes: { mask_filter_value: float(-5) } }],
  ['with a past', { past: true, attributes: { unidirectional: 1 } }],
  ['with a past and a mask', { past: true, mask: [B, S + PAST] }],
  ['with a bias of the scores', { scoreBias: [1, HEADS, S, S] }],
  ['with a scale of its own', { attributes: { scale: float(0.3) } }],
  ['with V of another size', { sizes: [H, H, 2 * H] }],
];

describe('com.microsoft.Attention in weight-only mode', () => {
  it.each(FORMS)('%s is the same product and the same attention', async (_, form) => {
    const model = attention(form);
    const {
      model: written,
      prepared,
      executed,
      units,
    } = await weightOnly(model, {
      type: 'uint8',
      block: 16,
    });
    expect(units).toMatchObject([{ integer: true, precision: 'int8', reason: null }]);
    expect(countOps(written)).toMatchObject({ MatMulNBits: 1, Split: form.past ? 2 : 1 });
    expect(countOps(written)).not.toHaveProperty('Attention');
    expect(executed.get('att')!.kernel).toMatch(/^MatMulNBits/);
    // the weights that it computes with, put into the given operator
    const exact = prepared.copy();
    const w = exact.graph.initializer.find((t) => t.name === 'w')!;
    const rows = await weightOnly(identityProduct(model), { type: 'uint8', block: 16 });
    const [codes] = Object.values(await outputs(rows.model, randomFeed(rows.model)));
    w.rawData = new Uint8Array((codes!.data as Float32Array).slice().buffer);
    const feed = randomFeed(prepared);
    const [got, want] = [await outputs(written, feed), await outputs(exact, feed)];
    expect(Object.keys(got)).toEqual(Object.keys(want));
    for (const [name, { data }] of Object.entries(want))
      expect(
        relativeDifference(got[name]!.data as Float32Array, data as Float32Array),
      ).toBeLessThan(1e-5);
  });

  /** The product of the identity with the attention's weight: the weights as the runtime reads their codes. */
  function identityProduct(model: Model): Model {
    const g = new GraphBuilder(17);
    const eye = g.constant(
      'eye',
      [H, H],
      Float32Array.from({ length: H * H }, (_, i) => +(i % (H + 1) === 0)),
    );
    const x = g.node('sum', 'Add', [
      eye,
      g.node('none', 'Mul', [g.input('x', [1]), g.constant('zero', [1], [0])]),
    ]);
    const w = g.tensor(model.graph.initializer.find((t) => t.name === 'w')!);
    return g.output(g.node('m', 'MatMul', [x, w])).build();
  }

  it('the runtime makes the same of blocks of DequantizeLinear', async () => {
    const model = attention({ past: true });
    const contrib = await weightOnly(model, { type: 'uint4', block: 16 });
    const plain = await weightOnly(model, { type: 'uint4', block: 16, form: 'qdq' });
    expect(countOps(plain.model)).toMatchObject({ DequantizeLinear: 1, MatMul: 1 });
    expect(plain.executed.get('att')!.kernel).toMatch(/^MatMulNBits/);
    const feed = randomFeed(model);
    const [a, b] = [await outputs(contrib.model, feed), await outputs(plain.model, feed)];
    for (const name of ['y', 'present'])
      expect(
        // there the kernel rounds what it multiplies the codes with to 8 bits, too
        relativeDifference(a[name]!.data as Float32Array, b[name]!.data as Float32Array),
      ).toBeLessThan(0.01);
  });

  it('has a twin', async () => {
    const model = attention({ past: true, mask: [B, S + PAST] });
    const { model: written, local } = await weightOnly(model);
    const twins = local();
    const { local: twin } = twins.taps.get('att')!;
    const feed = randomFeed(model);
    const got = (await tensors(twins.model, [twin], feed))[twin]!.data as Float32Array;
    const want = (await outputs(written, feed)).y!.data as Float32Array;
    expect(relativeDifference(got, want)).toBeLessThan(1e-6);
  });

  it.each<[string, Form, RegExp]>([
    ['begins beside lengths', { mask: [2 * B] }, /begins beside lengths/],
    ['a mask of unknown length', { open: ['n'] }, /begins beside lengths/],
    ['rotary embedding', { attributes: { do_rotary: 1 } }, /rotary/],
  ])('%s stays float, and says why', async (_, form, reason) => {
    const { reasonOf, model: written } = await weightOnly(attention(form));
    expect(reasonOf('att')).toMatch(reason);
    expect(countOps(written)).toEqual({ Attention: 1 });
  });
});
