import { describe, expect, it } from 'vitest';
import { quantizationBreaks } from '../../../src/analyze/fusions/breaks';
import { lookAt } from '../../../src/analyze/look';
import { makeTensor, serializeModel } from '../../../src/onnx';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { IMAGE, n, small, type Small } from './build';

const q = (input: string, output: string, p = 'sx zp') =>
  n('QuantizeLinear', `${input} ${p}`, output);
const dq = (input: string, output: string, p = 'sx zp') =>
  n('DequantizeLinear', `${input} ${p}`, output);
const conv = (input: string, output: string) =>
  n('Conv', `${input} wd`, output, { pads: [1, 1, 1, 1] });
const weights = dq('wq', 'wd', 's2 zw');

async function breaksOf(nodes: Small['nodes'], more: Partial<Small> = {}) {
  const look = await lookAt(small({ nodes, inputs: { x: IMAGE, v: [16] }, ...more }));
  const executed = await optimizedGraph(serializeModel(look.source));
  return quantizationBreaks(executed, look.source, look.context);
}

const VALUES = 16 * 8 * 8;

describe('quantizationBreaks', () => {
  it('finds a float operator between two integer convolutions, with what its conversions move', async () => {
    const [found, ...others] = await breaksOf([
      ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
      ...[n('Tanh', 'ad', 't'), q('t', 'tq'), dq('tq', 'td'), conv('td', 'b'), q('b', 'bq')],
      dq('bq', 'y'),
    ]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ layer: 'Tanh_t', code: 'no-kernel', op: 'Tanh' });
    expect(found?.conversions.map(({ op, tensor }) => `${op} ${tensor}`)).toEqual([
      'DequantizeLinear ad',
      'QuantizeLinear t',
    ]);
    // each reads or writes codes of one byte and floats of four
    expect(found?.bytes).toBe(2 * 5 * VALUES);
    expect(found?.remedy).toContain('Tanh');
  });

  it('blames what has no integer kernel, not what stands before it', async () => {
    const [found] = await breaksOf([
      ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
      ...[n('Sigmoid', 'ad', 'g'), n('Exp', 'g', 't'), q('t', 'tq'), dq('tq', 'td')],
      ...[conv('td', 'b'), q('b', 'bq'), dq('bq', 'y')],
    ]);
    expect(found).toMatchObject({ layer: 'Exp_t', code: 'no-kernel' });
    expect(found?.nodes.map(({ op }) => op)).toEqual(['Sigmoid', 'Exp']);
  });

  it('says where an operator that could run in integers was left in float', async () => {
    const [found] = await breaksOf([
      ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
      ...[n('Sigmoid', 'ad', 'g'), n('Sigmoid', 'g', 't'), q('t', 'tq'), dq('tq', 'td')],
      ...[conv('td', 'b'), q('b', 'bq'), dq('bq', 'y')],
    ]);
    expect(found).toMatchObject({ layer: 'Sigmoid_g', code: 'kept-float', op: 'Sigmoid' });
  });

  it('blames a convolution that was kept, not what changes layouts for it', async () => {
    const [found] = await breaksOf([
      ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
      ...[n('Conv', 'ad w wb', 'k', { pads: [1, 1, 1, 1] }), n('Tanh', 'k', 't'), q('t', 'tq')],
      ...[dq('tq', 'td'), conv('td', 'b'), q('b', 'bq'), dq('bq', 'y')],
    ]);
    expect(found?.layer).toBe('Tanh_t');
    expect(found?.bytes).toBe(2 * 5 * VALUES);
    const [kept] = await breaksOf([
      ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
      ...[n('Conv', 'ad w v', 't', { pads: [1, 1, 1, 1] })],
      ...[q('t', 'tq'), dq('tq', 'td'), conv('td', 'b'), q('b', 'bq'), dq('bq', 'y')],
    ]);
    expect(kept).toMatchObject({ layer: 'Conv_t', code: 'kept-float', op: 'Conv' });
    expect(kept?.bytes).toBe(2 * 5 * VALUES);
  });

  it('blames the operator of the file that the runtime wrote out as others', async () => {
    const [found, ...others] = await breaksOf(
      [
        ...[q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq'), dq('aq', 'ad')],
        ...[n('HardSwish', 'ad', 'h'), q('h', 'hq'), dq('hq', 'hd'), conv('hd', 'b')],
        ...[q('b', 'bq'), dq('bq', 'y')],
      ],
      { opset: 14 },
    );
    expect(others).toEqual([]);
    expect(found).toMatchObject({ layer: 'HardSwish_h', code: 'no-kernel', op: 'HardSwish' });
    expect(found?.nodes.map(({ op }) => op)).toEqual(['HardSigmoid', 'Mul']);
    expect(found?.conversions.map(({ tensor }) => tensor)).toEqual(['ad', 'h']);
    expect(found?.bytes).toBe(2 * 5 * VALUES);
  });

  it('names the layer whose codes are only written anew', async () => {
    const first = [q('x', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a'), q('a', 'aq')];
    const last = (p: string) => [dq('rq', 'rd', p), conv('rd', 'b'), q('b', 'bq'), dq('bq', 'y')];
    // a Relu that the range behind it takes in
    const [relu] = await breaksOf(
      [
        ...first,
        dq('aq', 'ad'),
        n('Relu', 'ad', 'r'),
        q('r', 'rq', 'sx z0'),
        n('Exp', 'ad', 'z'),
        ...last('sx z0'),
      ],
      { outputs: ['y', 'z'], constants: [makeTensor('z0', 'uint8', [], Uint8Array.of(0))] },
    );
    expect(relu).toMatchObject({ layer: 'Relu_r', code: 'rescaled', bytes: 2 * 5 * VALUES });
    expect(relu?.conversions.map(({ tensor }) => tensor)).toEqual(['ad', 'r']);
    // the convolution itself
    const [rescaled] = await breaksOf(
      [...first, dq('aq', 'ad'), q('ad', 'rq', 's2 zp'), n('Exp', 'ad', 'z'), ...last('s2 zp')],
      { outputs: ['y', 'z'] },
    );
    expect(rescaled).toMatchObject({ layer: 'Conv_a', code: 'rescaled' });
    expect(rescaled?.conversions.map(({ tensor }) => tensor)).toEqual(['ad', 'ad']);
  });

  it('says nothing where integers only begin or end', async () => {
    expect(
      await breaksOf([
        ...[n('Exp', 'x', 'e'), q('e', 'xq'), dq('xq', 'xd'), weights, conv('xd', 'a')],
        ...[q('a', 'aq'), dq('aq', 'ad'), n('Exp', 'ad', 'y')],
      ]),
    ).toEqual([]);
    expect(await breaksOf([n('Exp', 'x', 'e'), n('Tanh', 'e', 'y')])).toEqual([]);
  });
});
