import { makeTensor, type NodeProto } from '../../../../src/onnx';
import { constant } from '../../graph';
import { ints, n, type Small } from '../build';
import type { Case } from './case';

/** Eight indices below five, and a table of five rows. */
const [INDICES, DEPTH, WIDTH] = [[2, 4], 5, 3];
const bare = (name: string, value: number) =>
  makeTensor(name, 'int64', [1], BigInt64Array.of(BigInt(value)));
const pair = (name: string, off: number, on: number) =>
  makeTensor(name, 'float32', [2], Float32Array.of(off, on));
const CONSTANTS = [
  ...[constant('table', [DEPTH, WIDTH]), constant('tables', [2, DEPTH, WIDTH])],
  constant('wide', [DEPTH, 64]),
  ...[constant('row', [DEPTH]), constant('b3', [WIDTH])],
  makeTensor('endless', 'float32', [DEPTH, WIDTH], new Float32Array(DEPTH * WIDTH).fill(Infinity)),
  ...[bare('depth', DEPTH), bare('depth10', 2 * DEPTH), pair('values', 0, 1), pair('two', 0, 2)],
  makeTensor('depthF', 'float32', [1], Float32Array.of(DEPTH)),
  ...[ints('flat', [-1, DEPTH]), ints('open', [8, -1]), ints('copied', [1, 2, 0, DEPTH])],
];

/** The one-hot rows `h` of the indices `x`. */
export const oneHot = ({ axis = -1, depth = 'depth', values = 'values' } = {}): NodeProto =>
  n('OneHot', `x ${depth} ${values}`, 'h', { axis });

/** A graph of int64 indices `x`. */
export const ids = (nodes: NodeProto[], more: Partial<Small> = {}): Small => ({
  nodes,
  inputs: { x: INDICES },
  inputTypes: { x: 'int64' },
  constants: CONSTANTS,
  ...more,
});

const matmul = (table = 'table', rows = 'h') => n('MatMul', `${rows} ${table}`, 'y');
const reshape = (shape: string) => n('Reshape', `h ${shape}`, 'f');
const of = (what: string, says: Case[2], model: Small): Case => [
  'OneHot+MatMul',
  what,
  says,
  model,
];

export const ONE_HOT: Case[] = [
  of('rows', 'will', ids([oneHot(), matmul()])),
  of('an axis that is the last one', 'will', ids([oneHot({ axis: 2 }), matmul()])),
  of('an open batch', 'will', ids([oneHot(), matmul()], { inputs: { x: ['N', 4] } })),
  of('behind a Reshape', 'will', ids([oneHot(), reshape('flat'), matmul('table', 'f')])),
  of('a bias', 'will', ids([oneHot(), n('MatMul', 'h table', 'a'), n('Add', 'a b3', 'y')])),
  of(
    'a second reader',
    'will',
    ids([oneHot(), matmul(), n('Exp', 'h', 'z')], { outputs: ['y', 'z'] }),
  ),
  of('an output between', 'will', ids([oneHot(), matmul()], { outputs: ['y', 'h'] })),
  of(
    'two tables',
    'will',
    ids([oneHot(), matmul(), n('MatMul', 'h table', 'z')], { outputs: ['y', 'z'] }),
  ),
  of(
    'parameters that are inputs',
    'will',
    ids([oneHot(), matmul()], { overridable: ['table', 'depth', 'values'] }),
  ),
  of(
    'a computed table',
    'not-constant',
    ids([oneHot(), n('Exp', 'v', 't'), matmul('t')], { inputs: { x: INDICES, v: [DEPTH, WIDTH] } }),
  ),
  of('a computed depth', 'not-constant', {
    ...ids([n('Abs', 'd', 'deep'), oneHot({ depth: 'deep' }), matmul()]),
    inputs: { x: INDICES, d: [1] },
    inputTypes: { x: 'int64', d: 'int64' },
  }),
  of(
    'computed values',
    'not-constant',
    ids([n('Exp', 'v', 'both'), oneHot({ values: 'both' }), matmul()], {
      inputs: { x: INDICES, v: [2] },
    }),
  ),
  of('a computed Reshape', 'not-constant', {
    ...ids([oneHot(), n('Abs', 's', 'sizes'), reshape('sizes'), matmul('table', 'f')]),
    inputs: { x: INDICES, s: [2] },
    inputTypes: { x: 'int64', s: 'int64' },
  }),
  of('a batch of tables', 'shape', ids([oneHot(), matmul('tables')])),
  of('a vector', 'shape', ids([oneHot(), matmul('row')])),
  of(
    'a Reshape that infers the depth',
    'shape',
    ids([oneHot(), reshape('open'), matmul('table', 'f')]),
  ),
  of(
    'a Reshape that copies the depth',
    'shape',
    ids([oneHot(), reshape('copied'), matmul('table', 'f')], { inputs: { x: [2, 5] } }),
  ),
  of(
    'a Reshape that takes 0 for a size',
    'attribute',
    ids([oneHot(), n('Reshape', 'h flat', 'f', { allowzero: 1 }), matmul('table', 'f')], {
      opset: 14,
    }),
  ),
  of(
    'indices of any rank',
    'shape-unknown',
    ids([n('Reshape', 'i s', 'x'), oneHot(), matmul()], {
      inputs: { i: [8], s: [null] },
      inputTypes: { i: 'int64', s: 'int64' },
    }),
  ),
  of('another axis', 'attribute', ids([oneHot({ axis: 1 }), matmul()], { inputs: { x: [2, 5] } })),
  of('values of 0 and 2', 'attribute', ids([oneHot({ values: 'two' }), matmul()])),
  of(
    'another depth',
    'attribute',
    ids([oneHot({ depth: 'depth10' }), reshape('flat'), matmul('table', 'f')]),
  ),
  of('a table of ∞', 'attribute', ids([oneHot(), matmul('endless')])),
  of(
    'float indices',
    'type',
    ids([oneHot({ depth: 'depthF' }), matmul()], { inputTypes: { x: 'float32' } }),
  ),
];
