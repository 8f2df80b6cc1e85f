import { n, type Small } from '../build';
import { bn, c, conv, type Case } from './case';

const residual = (nodes: Small['nodes'], more: Partial<Small> = {}) => c(nodes, more);
const sum = (a: string, b: string) => [n('Add', `${a} ${b}`, 's'), n('Relu', 's', 'y')];
export const ADD: Case[] = [
  [
    'Conv+Add+Activation',
    'two convolutions',
    'will',
    residual([conv(), conv('r', 'e'), ...sum('a', 'e')]),
  ],
  [
    'Conv+Add+Activation',
    'one of them read by the other',
    'will',
    residual([conv(), conv('a', 'e'), ...sum('a', 'e')]),
  ],
  ['Conv+Add+Activation', 'an input of the model', 'layout', residual([conv(), ...sum('a', 'r')])],
  [
    'Conv+Add+Activation',
    'other shapes',
    'shape',
    residual([conv(), n('Conv', 'r w', 'e'), n('GlobalAveragePool', 'e', 'g'), ...sum('a', 'g')]),
  ],
  [
    'Conv+Add+Activation',
    'the same value twice',
    'same-value',
    residual([conv(), ...sum('a', 'a')]),
  ],
  [
    'Conv+Add+Activation',
    'a value from elsewhere',
    'layout',
    residual([
      conv(),
      n('Transpose', 'r', 't', { perm: [0, 1, 3, 2] }),
      n('Exp', 't', 'e'),
      ...sum('a', 'e'),
    ]),
  ],
  [
    'Conv+Add',
    'a second reader of the sum',
    'will',
    residual([conv(), conv('r', 'e'), ...sum('a', 'e'), n('Exp', 's', 'z')], {
      outputs: ['y', 'z'],
    }),
  ],
  [
    'Conv+Add',
    'no activation',
    'will',
    residual([
      conv(),
      conv('r', 'e'),
      n('Add', 'a e', 's'),
      n('MaxPool', 's', 'y', { kernel_shape: [2, 2] }),
    ]),
  ],
  ['Conv+Add', 'at the end', 'will', residual([conv(), conv('r', 'e'), n('Add', 'a e', 'y')])],
  ...['Sigmoid', 'Tanh', 'HardSigmoid'].map((op): Case => [
    'Conv+Add+Activation',
    op,
    'will',
    residual([conv(), conv('r', 'e'), n('Add', 'a e', 's'), n(op, 's', 'y')]),
  ]),
  ...['Clip', 'LeakyRelu'].flatMap((op): Case[] => {
    const nodes = [conv(), conv('r', 'e'), n('Add', 'a e', 's'), n(op, 's', 'y')];
    return [
      ['Conv+Add', `with ${op} behind`, 'will', residual(nodes)],
      ['Conv+Add+Activation', `${op} in the blocked layout`, 'provider', residual(nodes)],
      [
        'Conv+Add+Activation',
        `${op} outside of the blocked layout`,
        'will',
        residual(nodes, { overridable: ['w', 'wb'] }),
      ],
    ];
  }),
  [
    'Conv+Add+Activation',
    'weights that are inputs',
    'will',
    residual([conv(), conv('r', 'e'), ...sum('a', 'e')], { overridable: ['w', 'wb'] }),
  ],
  [
    'Conv+Add+Activation',
    'weights that are inputs, and no bias',
    'no-bias',
    residual([conv('x', 'a', 'w'), conv('r', 'e', 'w'), ...sum('a', 'e')], { overridable: ['w'] }),
  ],
  [
    'Conv+Add+Activation',
    'weights and the other operand are inputs',
    'will',
    residual([conv(), ...sum('a', 'r')], { overridable: ['w', 'wb'] }),
  ],
  [
    'Conv+Add+Activation',
    'behind BatchNormalization',
    'will',
    residual([conv(), bn('a', 'b'), conv('r', 'e'), ...sum('b', 'e')]),
  ],
  [
    'Conv+Add+Activation',
    'behind an activation',
    'will',
    residual([conv(), n('Relu', 'a', 'p'), conv('r', 'e'), ...sum('p', 'e')]),
  ],
];
