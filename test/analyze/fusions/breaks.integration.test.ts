import { describe, expect, it } from 'vitest';
import { quantizationBreaks } from '../../../src/analyze/fusions/breaks';
import { lookAt } from '../../../src/analyze/look';
import { serializeModel } from '../../../src/onnx';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { IMAGE, n, small, type Small } from './build';

const q = (input: string, output: string, p = 'sx zp') =>
  n('QuantizeLinear', `${input} ${p}`, output);
const dq = (input: string, output: string, p = 'sx zp') =>
  n('DequantizeLinear', `${input} ${p}`, output);
const conv = (input: string, output: string) =>
  n('Conv', `${input} wd`, output, { pads: [1, 1, 1, 1] });
const weights = dq('wq', 'wd', 's2 zw');

async function breaksOf(nodes: Small['nodes']) {
  const look = await lookAt(small({ nodes, inputs: { x: IMAGE, v: [16] } }));
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
