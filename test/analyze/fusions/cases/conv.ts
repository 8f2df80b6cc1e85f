import { constant } from '../../graph';
import { n } from '../build';
import { bn, c, conv, image, type Case } from './case';

export const CONV: Case[] = [
  ['Conv+BatchNorm', 'in a row', 'will', c([conv(), bn('a', 'b'), n('Exp', 'b', 'y')])],
  ['Conv+BatchNorm', 'at the end of the graph', 'will', c([conv(), bn('a', 'y')])],
  [
    'Conv+BatchNorm',
    'behind an Identity',
    'will',
    c([conv(), n('Identity', 'a', 'i'), bn('i', 'y')]),
  ],
  [
    'Conv+BatchNorm',
    'with no bias',
    'will',
    c([conv('x', 'a', 'w'), bn('a', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+BatchNorm',
    'a second reader',
    'second-reader',
    c([conv(), bn('a', 'y'), n('Exp', 'a', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'Conv+BatchNorm',
    'an output between',
    'graph-output',
    c([conv(), bn('a', 'y')], { outputs: ['y', 'a'] }),
  ],
  [
    'Conv+BatchNorm',
    'parameters that are inputs',
    'overridable',
    c([conv(), bn('a', 'b'), n('Exp', 'b', 'y')], { overridable: ['bn.mean'] }),
  ],
  [
    'Conv+BatchNorm',
    'parameters that are computed',
    'not-constant',
    c([conv(), n('Exp', 'v', 'e'), n('BatchNormalization', 'a bn.gamma bn.beta bn.mean e', 'y')], {
      inputs: { ...image, v: [16] },
    }),
  ],
  [
    'Conv+BatchNorm',
    'ConvTranspose',
    'provider',
    c([n('ConvTranspose', 'x w', 'a'), bn('a', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+BatchNorm',
    'MatMul',
    'will',
    {
      nodes: [
        n('MatMul', 'x m', 'a'),
        n('BatchNormalization', 'a bn32.gamma bn32.beta bn32.mean bn32.variance', 'b'),
        n('Exp', 'b', 'y'),
      ],
      inputs: { x: [4, 32] },
    },
  ],
  [
    'Conv+BatchNorm',
    'Gemm',
    'provider',
    {
      nodes: [
        n('Gemm', 'x m b32', 'a'),
        n('BatchNormalization', 'a bn32.gamma bn32.beta bn32.mean bn32.variance', 'b'),
        n('Exp', 'b', 'y'),
      ],
      inputs: { x: [4, 32] },
    },
  ],
  ['Conv+BatchNorm+Activation', 'in a row', 'will', c([conv(), bn('a', 'b'), n('Relu', 'b', 'y')])],
  [
    'Conv+BatchNorm',
    'behind an Add of a constant',
    'will',
    c([conv(), n('Add', 'a c16', 'p'), bn('p', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'Mul of a constant',
    'will',
    c([conv(), n('Mul', 'a c16', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'Add of a constant',
    'will',
    c([conv(), n('Add', 'a c16', 'b'), n('Exp', 'b', 'y')]),
  ],
  ['Conv+Scale', 'Add at the end', 'will', c([conv(), n('Add', 'a c16', 'y')])],
  [
    'Conv+Scale',
    'the constant first',
    'form',
    c([conv(), n('Add', 'c16 a', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'the factor first',
    'form',
    c([conv(), n('Mul', 'c16 a', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'Add of a scalar',
    'shape',
    c([conv(), n('Add', 'a one', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'Mul of a scalar',
    'will',
    c([conv(), n('Mul', 'a two', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Scale',
    'a second reader',
    'second-reader',
    c([conv(), n('Mul', 'a c16', 'y'), n('Exp', 'a', 'z')], { outputs: ['y', 'z'] }),
  ],
  ...['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid'].flatMap((op): Case[] =>
    [13, 17, 22].map((opset): Case => [
      'Conv+Activation',
      `${op} of opset ${opset}`,
      'will',
      c([conv(), n(op, 'a', 'b'), n('Exp', 'b', 'y')], { opset }),
    ]),
  ),
  [
    'Conv+Activation',
    'Clip',
    'will',
    c([conv(), n('Clip', 'a zero six', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Activation',
    'Clip without limits',
    'will',
    c([conv(), n('Clip', 'a', 'b'), n('Exp', 'b', 'y')]),
  ],
  [
    'Conv+Activation',
    'Clip with a computed limit',
    'not-constant',
    c([conv(), n('Clip', 'a v', 'b'), n('Exp', 'b', 'y')], { inputs: { ...image, v: [] } }),
  ],
  ['Conv+Activation', 'at the end of the graph', 'will', c([conv(), n('Relu', 'a', 'y')])],
  [
    'Conv+Activation',
    'a second reader',
    'second-reader',
    c([conv(), n('Relu', 'a', 'y'), n('Exp', 'a', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'Conv+Activation',
    'an output between',
    'graph-output',
    c([conv(), n('Relu', 'a', 'y')], { outputs: ['y', 'a'] }),
  ],
  [
    'Conv+Activation',
    'ConvTranspose',
    'provider',
    c([n('ConvTranspose', 'x w', 'a'), n('Relu', 'a', 'y')]),
  ],
  [
    'Conv+Activation',
    'weights that are inputs',
    'will',
    c([conv(), n('Relu', 'a', 'y')], { overridable: ['w', 'wb'] }),
  ],
  [
    'Conv+Activation',
    'one dimension',
    'will',
    {
      nodes: [n('Conv', 'x v', 'a'), n('Relu', 'a', 'y')],
      inputs: { x: [1, 4, 9] },
      constants: [constant('v', [6, 4, 3])],
    },
  ],
];
