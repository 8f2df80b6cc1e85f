import { constant } from '../../graph';
import { n, TOKENS, type Small } from '../build';
import { t, type Case } from './case';

const mean = (input: string, output: string, axis = -1, opset = 13) =>
  opset < 18
    ? n('ReduceMean', input, output, { axes: [axis] })
    : n('ReduceMean', `${input} last`, output);
const norm = (input = 'x', output = 'y', opset = 13, axis = -1) => [
  mean(input, 'mu', axis, opset),
  n('Sub', `${input} mu`, 'd'),
  n('Pow', 'd two', 'sq'),
  mean('sq', 'var', axis, opset),
  n('Add', 'var eps', 've'),
  n('Sqrt', 've', 'sd'),
  n('Div', 'd sd', 'nn'),
  n('Mul', 'nn g32', 'gg'),
  n('Add', 'gg b32', output),
];
const without = (nodes: Small['nodes'], op: string) => nodes.filter((node) => node.name !== op);
export const NORM: Case[] = [
  ['LayerNorm', 'as PyTorch writes it', 'will', t(norm())],
  ['LayerNorm', 'of opset 18', 'will', t(norm('x', 'y', 18), { opset: 18 })],
  ['LayerNorm', 'of opset 17', 'will', t(norm('x', 'y', 17), { opset: 17 })],
  ['LayerNorm', 'of opset 11', 'will', t(norm(), { opset: 11 })],
  ['LayerNorm', 'with an open batch', 'will', t(norm(), { inputs: { x: ['N', 'S', 32] } })],
  [
    'LayerNorm',
    'over the middle axis',
    'attribute',
    t(norm('x', 'y', 13, 1), { inputs: { x: [2, 32, 32] } }),
  ],
  [
    'LayerNorm',
    'a second reader of the difference',
    'second-reader',
    t([...norm(), n('Exp', 'd', 'z')], { outputs: ['y', 'z'] }),
  ],
  ['LayerNorm', 'the difference as an output', 'graph-output', t(norm(), { outputs: ['y', 'd'] })],
  [
    'RMSNorm',
    'what is left of a LayerNorm whose difference another reads',
    'will',
    t([...norm(), n('Exp', 'd', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'LayerNorm',
    'a second reader of the root',
    'second-reader',
    t([...norm(), n('Exp', 'sd', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'LayerNorm',
    'a square by a product',
    'form',
    t([...norm().map((node) => (node.opType === 'Pow' ? n('Mul', 'd d', 'sq') : node))]),
  ],
  [
    'LayerNorm',
    'gain and offset that are inputs',
    'will',
    t(norm(), { overridable: ['g32', 'b32'] }),
  ],
  [
    'LayerNorm',
    'a computed gain',
    'will',
    t(
      [
        n('Exp', 'v', 'e'),
        ...norm().map((node) => (node.opType === 'Mul' ? n('Mul', 'nn e', 'gg') : node)),
      ],
      { inputs: { x: TOKENS, v: [32] } },
    ),
  ],
  [
    'LayerNorm',
    'a gain of three dimensions',
    'shape',
    t(
      norm().map((node) => (node.opType === 'Mul' ? n('Mul', 'nn v', 'gg') : node)),
      {
        constants: [constant('v', [1, 1, 32])],
      },
    ),
  ],
  [
    'LayerNorm',
    'no offset',
    'form',
    t([
      ...without(norm(), 'Add_y').map((node) =>
        node.opType === 'Mul' ? n('Mul', 'nn g32', 'y') : node,
      ),
    ]),
  ],
  [
    'LayerNorm',
    'a reciprocal',
    'form',
    t([
      ...norm().flatMap((node) =>
        node.opType === 'Div' ? [n('Reciprocal', 'sd', 'rr'), n('Mul', 'd rr', 'nn')] : [node],
      ),
    ]),
  ],
  [
    'LayerNorm',
    'two differences',
    'will',
    t([
      ...norm().flatMap((node) =>
        node.name === 'Sub_d'
          ? [node, n('Sub', 'x mu', 'd2')]
          : node.opType === 'Pow'
            ? [n('Pow', 'd2 two', 'sq')]
            : [node],
      ),
    ]),
  ],
  [
    'RMSNorm',
    'as exporters write it',
    'will',
    t([
      n('Pow', 'x two', 'sq'),
      mean('sq', 'var'),
      n('Add', 'var eps', 've'),
      n('Sqrt', 've', 'sd'),
      n('Div', 'x sd', 'nn'),
      n('Mul', 'nn g32', 'y'),
    ]),
  ],
  ['SkipLayerNorm', 'a sum before it', 'will', t([n('Add', 'x r', 'p'), ...norm('p')])],
  [
    'SkipLayerNorm',
    'a sum before the operator',
    'will',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], { opset: 17 }),
  ],
  [
    'SkipLayerNorm',
    'a sum that another reads',
    'second-reader',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y'), n('Exp', 'p', 'z')], {
      opset: 17,
      outputs: ['y', 'z'],
    }),
  ],
  [
    'SkipLayerNorm',
    'a sum that is an output',
    'graph-output',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], {
      opset: 17,
      outputs: ['y', 'p'],
    }),
  ],
  [
    'SkipLayerNorm',
    'an open batch',
    'will',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], {
      opset: 17,
      inputs: { x: ['N', 6, 32], r: ['N', 6, 32] },
    }),
  ],
  [
    'SkipLayerNorm',
    'an open sequence',
    'will',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], {
      opset: 17,
      inputs: { x: ['N', 'S', 32], r: ['N', 'S', 32] },
    }),
  ],
  [
    'SkipLayerNorm',
    'two dimensions',
    'shape',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], {
      opset: 17,
      inputs: { x: [6, 32], r: [6, 32] },
    }),
  ],
  [
    'SkipLayerNorm',
    'broadcasting',
    'shape',
    t([n('Add', 'x r', 'p'), n('LayerNormalization', 'p g32 b32', 'y')], {
      opset: 17,
      inputs: { x: [2, 6, 32], r: [1, 6, 32] },
    }),
  ],
];
