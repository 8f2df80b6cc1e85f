import { n } from '../build';
import { c, t, type Case } from './case';

export const MATMUL: Case[] = [
  [
    'MatMul+Add',
    'matrices',
    'will',
    { nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y')], inputs: { x: [4, 32] } },
  ],
  [
    'MatMul+Add',
    'an open batch',
    'will',
    { nodes: [n('MatMul', 'x m', 'a'), n('Add', 'b32 a', 'y')], inputs: { x: ['N', 32] } },
  ],
  ['MatMul+Add', 'three dimensions', 'will', t([n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y')])],
  [
    'MatMul+Add',
    'three dimensions, open',
    'shape-unknown',
    t([n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y')], { inputs: { x: ['N', 6, 32] } }),
  ],
  [
    'MatMul+Add',
    'a computed bias',
    'will',
    {
      nodes: [n('MatMul', 'x m', 'a'), n('Exp', 'v', 'e'), n('Add', 'a e', 'y')],
      inputs: { x: [4, 32], v: [32] },
    },
  ],
  [
    'MatMul+Add',
    'a scalar',
    'shape',
    { nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a one', 'y')], inputs: { x: [4, 32] } },
  ],
  [
    'MatMul+Add',
    'a second reader',
    'second-reader',
    {
      nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y'), n('Exp', 'a', 'z')],
      inputs: { x: [4, 32] },
      outputs: ['y', 'z'],
    },
  ],
  [
    'MatMul+Add',
    'an output between',
    'graph-output',
    {
      nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y')],
      inputs: { x: [4, 32] },
      outputs: ['y', 'a'],
    },
  ],
  [
    'MatMul+Add',
    'a batch of matrices',
    'shape',
    {
      nodes: [n('MatMul', 'x v', 'a'), n('Add', 'a b32', 'y')],
      inputs: { x: [2, 4, 32], v: [2, 32, 32] },
    },
  ],
  [
    'MatMul+Add',
    'weights that are inputs',
    'will',
    {
      nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'y')],
      inputs: { x: [4, 32] },
      overridable: ['m'],
    },
  ],
  ...[
    'Relu',
    'Sigmoid',
    'Tanh',
    'LeakyRelu',
    'Elu',
    'Softplus',
    'Selu',
    'HardSigmoid',
    'Softsign',
    'ThresholdedRelu',
  ].flatMap((op): Case[] =>
    [13, 17, 22].map((opset): Case => [
      'Gemm+Activation',
      `${op} of opset ${opset}`,
      'will',
      { nodes: [n('Gemm', 'x m b32', 'a'), n(op, 'a', 'y')], inputs: { x: [4, 32] }, opset },
    ]),
  ),
  [
    'Gemm+Activation',
    'Clip',
    'provider',
    { nodes: [n('Gemm', 'x m b32', 'a'), n('Clip', 'a zero six', 'y')], inputs: { x: [4, 32] } },
  ],
  [
    'Gemm+Activation',
    'MatMul → Add',
    'will',
    {
      nodes: [n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'b'), n('Relu', 'b', 'y')],
      inputs: { x: [4, 32] },
    },
  ],
  [
    'Gemm+Activation',
    'MatMul → Add of three dimensions',
    'shape',
    t([n('MatMul', 'x m', 'a'), n('Add', 'a b32', 'b'), n('Relu', 'b', 'y')]),
  ],
  [
    'Gemm+Activation',
    'a second reader',
    'second-reader',
    {
      nodes: [n('Gemm', 'x m b32', 'a'), n('Relu', 'a', 'y'), n('Exp', 'a', 'z')],
      inputs: { x: [4, 32] },
      outputs: ['y', 'z'],
    },
  ],
  [
    'Transpose+MatMul',
    'the last two axes',
    'will',
    t([n('Transpose', 'r', 'k', { perm: [0, 2, 1] }), n('MatMul', 'x k', 'y')]),
  ],
  [
    'Transpose+MatMul',
    'on the left',
    'will',
    t([n('Transpose', 'r', 'k', { perm: [0, 2, 1] }), n('MatMul', 'k x', 'y')]),
  ],
  [
    'Transpose+MatMul',
    'a second reader',
    'will',
    t(
      [n('Transpose', 'r', 'k', { perm: [0, 2, 1] }), n('MatMul', 'x k', 'y'), n('Exp', 'k', 'z')],
      { outputs: ['y', 'z'] },
    ),
  ],
  [
    'Transpose+MatMul',
    'other axes',
    'attribute',
    t([n('Transpose', 'r', 'k', { perm: [2, 1, 0] }), n('MatMul', 'x k', 'y')], {
      inputs: { x: [6, 3, 4], r: [5, 4, 6] },
    }),
  ],
  [
    'Transpose+MatMul',
    'an output between',
    'graph-output',
    t([n('Transpose', 'r', 'k', { perm: [0, 2, 1] }), n('MatMul', 'x k', 'y')], {
      outputs: ['y', 'k'],
    }),
  ],
  ['MatMul+Scale', 'behind', 'will', t([n('MatMul', 'x m', 'a'), n('Mul', 'a two', 'y')])],
  ['MatMul+Scale', 'a division', 'will', t([n('MatMul', 'x m', 'a'), n('Div', 'a two', 'y')])],
  ['MatMul+Scale', 'before', 'will', t([n('Mul', 'x two', 'a'), n('MatMul', 'a m', 'y')])],
  [
    'MatMul+Scale',
    'a second reader',
    'second-reader',
    t([n('MatMul', 'x m', 'a'), n('Mul', 'a two', 'y'), n('Exp', 'a', 'z')], {
      outputs: ['y', 'z'],
    }),
  ],
  [
    'MatMul+Scale',
    'a factor that is an input',
    'overridable',
    t([n('MatMul', 'x m', 'a'), n('Mul', 'a two', 'y')], { overridable: ['two'] }),
  ],
  [
    'MatMul+Scale',
    'before, an output',
    'will',
    t([n('Mul', 'x two', 'a'), n('MatMul', 'a m', 'y')], { outputs: ['y', 'a'] }),
  ],
  [
    'MatMul+Scale',
    'before, and another reads it',
    'will',
    t([n('Mul', 'x two', 'a'), n('MatMul', 'a m', 'y'), n('Exp', 'a', 'z')], {
      outputs: ['y', 'z'],
    }),
  ],
  [
    'Transpose pair',
    'that undo one another',
    'will',
    c([
      n('Exp', 'x', 'e'),
      n('Transpose', 'e', 'a', { perm: [0, 2, 3, 1] }),
      n('Transpose', 'a', 'b', { perm: [0, 3, 1, 2] }),
      n('Exp', 'b', 'y'),
    ]),
  ],
  [
    'Transpose pair',
    'that make another',
    'will',
    c([
      n('Exp', 'x', 'e'),
      n('Transpose', 'e', 'a', { perm: [0, 2, 3, 1] }),
      n('Transpose', 'a', 'b', { perm: [0, 2, 1, 3] }),
      n('Exp', 'b', 'y'),
    ]),
  ],
  [
    'Transpose pair',
    'a second reader',
    'will',
    c(
      [
        n('Exp', 'x', 'e'),
        n('Transpose', 'e', 'a', { perm: [0, 2, 3, 1] }),
        n('Transpose', 'a', 'b', { perm: [0, 3, 1, 2] }),
        n('Exp', 'b', 'y'),
        n('Exp', 'a', 'z'),
      ],
      { outputs: ['y', 'z'] },
    ),
  ],
  [
    'Transpose pair',
    'an output between',
    'graph-output',
    c(
      [
        n('Exp', 'x', 'e'),
        n('Transpose', 'e', 'a', { perm: [0, 2, 3, 1] }),
        n('Transpose', 'a', 'b', { perm: [0, 3, 1, 2] }),
        n('Exp', 'b', 'y'),
      ],
      { outputs: ['y', 'a'] },
    ),
  ],
];
