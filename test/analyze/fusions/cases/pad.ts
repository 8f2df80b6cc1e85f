import { n } from '../build';
import { c, conv, type Case } from './case';

export const PAD: Case[] = [
  ['Pad+Conv', 'Conv', 'will', c([n('Pad', 'x pads', 'p'), conv('p', 'y')])],
  ['Pad+Conv', 'Conv without pads', 'will', c([n('Pad', 'x pads', 'p'), n('Conv', 'p w', 'y')])],
  ['Pad+Conv', 'Conv with zeros named', 'will', c([n('Pad', 'x pads zero', 'p'), conv('p', 'y')])],
  [
    'Pad+Conv',
    'MaxPool',
    'will',
    c([
      n('Pad', 'x pads', 'p'),
      n('MaxPool', 'p', 'y', { kernel_shape: [2, 2], pads: [0, 0, 0, 0] }),
    ]),
  ],
  [
    'Pad+Conv',
    'AveragePool',
    'will',
    c([
      n('Pad', 'x pads', 'p'),
      n('AveragePool', 'p', 'y', { kernel_shape: [2, 2], pads: [0, 0, 0, 0] }),
    ]),
  ],
  [
    'Pad+Conv',
    'channels',
    'attribute',
    c([
      n('Pad', 'x padsC', 'p'),
      n('MaxPool', 'p', 'y', { kernel_shape: [2, 2], pads: [0, 0, 0, 0] }),
    ]),
  ],
  [
    'Pad+Conv',
    'reflection',
    'attribute',
    c([n('Pad', 'x pads', 'p', { mode: 'reflect' }), conv('p', 'y')]),
  ],
  ['Pad+Conv', 'another value', 'attribute', c([n('Pad', 'x pads one', 'p'), conv('p', 'y')])],
  [
    'Pad+Conv',
    'auto_pad',
    'attribute',
    c([n('Pad', 'x pads', 'p'), n('Conv', 'p w', 'y', { auto_pad: 'SAME_UPPER' })]),
  ],
  [
    'Pad+Conv',
    'auto_pad VALID',
    'attribute',
    c([n('Pad', 'x pads', 'p'), n('Conv', 'p w', 'y', { auto_pad: 'VALID' })]),
  ],
  [
    'Pad+Conv',
    'a second reader',
    'second-reader',
    c([n('Pad', 'x pads', 'p'), conv('p', 'y'), n('Exp', 'p', 'z')], { outputs: ['y', 'z'] }),
  ],
  [
    'Pad+Conv',
    'an output between',
    'graph-output',
    c([n('Pad', 'x pads', 'p'), conv('p', 'y')], { outputs: ['y', 'p'] }),
  ],
  [
    'Pad+Conv',
    'amounts that are inputs',
    'overridable',
    c([n('Pad', 'x pads', 'p'), conv('p', 'y')], { overridable: ['pads'] }),
  ],
];
