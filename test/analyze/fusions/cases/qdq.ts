import { n } from '../build';
import { bn, c, conv, t, type Case } from './case';

const q = (input: string, output: string, p = 'sx zp') =>
  n('QuantizeLinear', `${input} ${p}`, output);
const dq = (input: string, output: string, p = 'sx zp') =>
  n('DequantizeLinear', `${input} ${p}`, output);
const quantizedConv = (output = 'a') => [
  ...[q('x', 'xq'), dq('xq', 'xd'), dq('wq', 'wd', 's2 zw')],
  n('Conv', 'xd wd', output, { pads: [1, 1, 1, 1] }),
];
export const QDQ: Case[] = [
  ['DQ+Operator+Q', 'Conv', 'will', c([...quantizedConv(), q('a', 'aq'), dq('aq', 'y')])],
  ['DQ+Operator+Q', 'Conv without a Q behind', 'form', c([...quantizedConv(), n('Exp', 'a', 'y')])],
  [
    'DQ+Operator+Q',
    'Conv that another reads',
    'second-reader',
    c([...quantizedConv(), q('a', 'aq'), dq('aq', 'y'), n('Exp', 'a', 'z')], {
      outputs: ['y', 'z'],
    }),
  ],
  [
    'DQ+Operator+Q',
    'Conv that is an output',
    'graph-output',
    c([...quantizedConv(), q('a', 'aq'), dq('aq', 'y')], { outputs: ['y', 'a'] }),
  ],
  [
    'DQ+Operator+Q',
    'MatMul with a float result',
    'will',
    t([q('x', 'xq'), dq('xq', 'xd'), dq('mq', 'md', 's2 zw'), n('MatMul', 'xd md', 'y')]),
  ],
  [
    'DQ+Operator+Q',
    'MatMul',
    'will',
    t([
      q('x', 'xq'),
      dq('xq', 'xd'),
      dq('mq', 'md', 's2 zw'),
      n('MatMul', 'xd md', 'a'),
      q('a', 'aq'),
      dq('aq', 'y'),
    ]),
  ],
  [
    'DQ+Operator+Q',
    'Add',
    'will',
    t([
      q('x', 'xq'),
      dq('xq', 'xd'),
      q('r', 'rq'),
      dq('rq', 'rd'),
      n('Add', 'xd rd', 'a'),
      q('a', 'aq'),
      dq('aq', 'y'),
    ]),
  ],
  [
    'DQ+Operator+Q',
    'Add of a float',
    'form',
    t([
      q('x', 'xq'),
      dq('xq', 'xd'),
      n('Exp', 'r', 'e'),
      n('Add', 'xd e', 'a'),
      q('a', 'aq'),
      dq('aq', 'y'),
    ]),
  ],
  [
    'DQ+Operator+Q',
    'Tanh',
    'provider',
    t([q('x', 'xq'), dq('xq', 'xd'), n('Tanh', 'xd', 'a'), q('a', 'aq'), dq('aq', 'y')]),
  ],
  [
    'DQ+Operator+Q',
    'Transpose',
    'will',
    t([
      q('x', 'xq'),
      dq('xq', 'xd'),
      n('Transpose', 'xd', 'a', { perm: [0, 2, 1] }),
      q('a', 'aq'),
      dq('aq', 'y'),
    ]),
  ],
  [
    'DQ+Operator+Q',
    'MaxPool',
    'will',
    c([
      q('x', 'xq'),
      dq('xq', 'xd'),
      n('MaxPool', 'xd', 'a', { kernel_shape: [2, 2] }),
      q('a', 'aq'),
      dq('aq', 'y'),
    ]),
  ],
  [
    'DQ+Operator+Q',
    'MaxPool with another scale behind',
    'parameters',
    c([
      q('x', 'xq'),
      dq('xq', 'xd'),
      n('MaxPool', 'xd', 'a', { kernel_shape: [2, 2] }),
      q('a', 'aq', 's2 zp'),
      dq('aq', 'y', 's2 zp'),
    ]),
  ],
  [
    'DQ+Q',
    'the same parameters',
    'will',
    c([
      n('QuantizeLinear', 'x sx zp', 'xq'),
      dq('xq', 'xd'),
      q('xd', 'yq'),
      dq('yq', 'yd'),
      n('Exp', 'yd', 'y'),
    ]),
  ],
  [
    'DQ+Q',
    'another scale, between a pair',
    'will',
    c([
      q('x', 'xq'),
      dq('xq', 'xd'),
      q('xd', 'yq', 's2 zp'),
      dq('yq', 'yd', 's2 zp'),
      n('Exp', 'yd', 'y'),
    ]),
  ],
  [
    'DQ+Q',
    'an output between',
    'graph-output',
    c([q('x', 'xq'), dq('xq', 'xd'), q('xd', 'yq'), dq('yq', 'yd'), n('Exp', 'yd', 'y')], {
      outputs: ['y', 'xd'],
    }),
  ],
  [
    'DQ+Q',
    'a second reader',
    'will',
    c(
      [
        q('x', 'xq'),
        dq('xq', 'xd'),
        q('xd', 'yq'),
        dq('yq', 'yd'),
        n('Exp', 'yd', 'y'),
        n('Exp', 'xd', 'z'),
      ],
      { outputs: ['y', 'z'] },
    ),
  ],
  [
    'Conv+Activation',
    'a pair between',
    'qdq-between',
    c([conv(), q('a', 'aq'), dq('aq', 'ad'), n('Relu', 'ad', 'y')]),
  ],
  [
    'MatMul+Add',
    'a pair between',
    'qdq-between',
    {
      nodes: [n('MatMul', 'x m', 'a'), q('a', 'aq'), dq('aq', 'ad'), n('Add', 'ad b32', 'y')],
      inputs: { x: [4, 32] },
    },
  ],
  [
    'Conv+BatchNorm',
    'a pair between',
    'qdq-between',
    c([conv(), q('a', 'aq'), dq('aq', 'ad'), bn('ad', 'y')]),
  ],
  [
    'Gemm+Activation',
    'a pair between',
    'qdq-between',
    {
      nodes: [n('Gemm', 'x m b32', 'a'), q('a', 'aq'), dq('aq', 'ad'), n('Relu', 'ad', 'y')],
      inputs: { x: [4, 32] },
    },
  ],
];
