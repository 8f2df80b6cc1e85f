import { n } from '../build';
import { t, type Case } from './case';

const erf = (x: string, y: string, first = n('Div', `${x} sqrt2`, 'dv')) => [
  first,
  n('Erf', 'dv', 'er'),
  n('Add', 'er one', 'e1'),
  n('Mul', `${x} e1`, 'xe'),
  n('Mul', 'xe half', y),
];
export const GELU: Case[] = [
  ['GELU', 'x · (1 + erf) · ½', 'will', t([n('Exp', 'x', 'g'), ...erf('g', 'y')])],
  [
    'GELU',
    '½ · x first',
    'will',
    t([
      n('Exp', 'x', 'g'),
      n('Div', 'g sqrt2', 'dv'),
      n('Erf', 'dv', 'er'),
      n('Add', 'er one', 'e1'),
      n('Mul', 'g half', 'h'),
      n('Mul', 'h e1', 'y'),
    ]),
  ],
  [
    'GELU',
    '½ behind the sum',
    'form',
    t([
      n('Exp', 'x', 'g'),
      n('Div', 'g sqrt2', 'dv'),
      n('Erf', 'dv', 'er'),
      n('Add', 'er one', 'e1'),
      n('Mul', 'e1 half', 'h'),
      n('Mul', 'h g', 'y'),
    ]),
  ],
  [
    'GELU',
    'a factor instead of Div',
    'form',
    t([n('Exp', 'x', 'g'), ...erf('g', 'y', n('Mul', 'g rsqrt2', 'dv'))]),
  ],
  [
    'GELU',
    'a second reader',
    'second-reader',
    t([n('Exp', 'x', 'g'), ...erf('g', 'y'), n('Exp', 'er', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'GELU',
    'an output inside',
    'graph-output',
    t([n('Exp', 'x', 'g'), ...erf('g', 'y')], { outputs: ['y', 'e1'] }),
  ],
  ['GELU', 'opset 20', 'will', t([n('Exp', 'x', 'g'), ...erf('g', 'y')], { opset: 20 })],
  [
    'GELU',
    'tanh',
    'will',
    t([
      n('Exp', 'x', 'g'),
      n('Pow', 'g three', 'p'),
      n('Mul', 'p k044', 'pk'),
      n('Add', 'g pk', 'ap'),
      n('Mul', 'ap kpi', 'ak'),
      n('Tanh', 'ak', 'th'),
      n('Add', 'th one', 't1'),
      n('Mul', 'g half', 'h'),
      n('Mul', 'h t1', 'yy'),
      n('Exp', 'yy', 'y'),
    ]),
  ],
  [
    'GELU',
    'x · sigmoid(1.702 x)',
    'will',
    t([
      n('Exp', 'x', 'g'),
      n('Mul', 'g q1702', 'k'),
      n('Sigmoid', 'k', 'sg'),
      n('Mul', 'g sg', 'y'),
    ]),
  ],
  [
    'GELU',
    'x · sigmoid(x)',
    'will',
    t([n('Exp', 'x', 'g'), n('Sigmoid', 'g', 'sg'), n('Mul', 'g sg', 'y')]),
  ],
  [
    'Add+GELU',
    'a bias before',
    'will',
    t([n('Exp', 'x', 'f'), n('Add', 'f b32', 'g'), ...erf('g', 'y')]),
  ],
  [
    'Add+GELU',
    'a bias that another reads',
    'second-reader',
    t([n('Exp', 'x', 'f'), n('Add', 'f b32', 'g'), ...erf('g', 'y'), n('Exp', 'g', 'z')], {
      outputs: ['y', 'z'],
    }),
  ],
  [
    'Add+GELU',
    'a bias of the Gemm',
    'taken',
    {
      nodes: [n('MatMul', 'x m', 'f'), n('Add', 'f b32', 'g'), ...erf('g', 'y')],
      inputs: { x: [4, 32] },
    },
  ],
  [
    'Add+GELU',
    'the operator',
    'will',
    t([n('Exp', 'x', 'f'), n('Add', 'f b32', 'g'), n('Gelu', 'g', 'y')], { opset: 20 }),
  ],
];
