/** Products with one-hot rows look rows up. */
import { describe, expect, it } from 'vitest';
import { makeTensor, type ElementType, type Feed, type Model } from '../../../src/onnx';
import type { Declined } from '../../../src/quantize/context';
import { oneHotToGather } from '../../../src/quantize/passes/one-hot-to-gather';
import { GraphBuilder } from '../../lib/graph';
import { applied, untouched } from '../../lib/pass';
import { quantize } from '../../lib/quantize';
import { outputs } from '../../lib/runtime';

const [DEPTH, WIDTH] = [5, 3];

interface Form {
  type?: ElementType;
  axis?: number;
  values?: [number, number];
  depth?: number;
  /** Of the Reshape between. */
  shape?: number[];
  /** The result has the sizes of OneHot's, as TensorFlow's dense layers write it. */
  back?: boolean;
  /** Something else reads OneHot's values. */
  sum?: boolean;
  table?: number[];
  doubles?: boolean;
}

function embedding(form: Form = {}): Model {
  const { type = 'int32', axis = -1, values = [0, 1], depth = DEPTH, shape, back, sum } = form;
  const g = new GraphBuilder();
  const ids = g.input('ids', [2, 4], type);
  // the runtime has no OneHot for indices and a depth of different types
  const depths =
    type === 'int32'
      ? g.tensor(makeTensor('depth', 'int32', [1], Int32Array.of(depth)))
      : g.ints('depth', [depth]);
  const hot = g.node('hot', 'OneHot', [ids, depths, g.constant('values', [2], values)], {
    axis,
  });
  const rows = shape ? g.node('rows', 'Reshape', [hot, g.ints('flat', shape)]) : hot;
  const size = [DEPTH, WIDTH];
  const table = form.doubles
    ? g.tensor(makeTensor('table', 'float64', size, new Float64Array(DEPTH * WIDTH)))
    : form.table
      ? g.constant('table', size, form.table)
      : g.random('table', size);
  let y = g.node('m', 'MatMul', [rows, table]);
  if (back) {
    const sizes = g.node('all', 'Shape', [hot]);
    const outer = g.node('outer', 'Gather', [sizes, g.ints('which', [0, 1])]);
    const joined = g.node('sizes', 'Concat', [outer, g.ints('width', [WIDTH])], { axis: 0 });
    y = g.node('back', 'Reshape', [y, joined]);
  }
  if (sum) g.output(g.node('sum', 'ReduceSum', [hot, g.ints('axes', [2])]));
  return g.output(y).build();
}

/** Every kind of index: inside, from the end, and beyond either. */
const INDICES = [0, 1, 4, -1, -5, 5, -6, 100];

function feed(type: ElementType = 'int32'): Feed {
  const data = type === 'int32' ? Int32Array.from(INDICES) : BigInt64Array.from(INDICES, BigInt);
  return { ids: { type, dims: [2, 4], data } };
}

describe('oneHotToGather', () => {
  it('takes rows, and computes shapes from the indices', async () => {
    const { text, context } = await applied(
      oneHotToGather,
      embedding({ shape: [-1, DEPTH], back: true }),
    );
    expect(text).toMatchInlineSnapshot(`
      "(ids int32[2,4])
      outer: outer_out = Gather(all_out, which=0,1)
      sizes: sizes_out = Concat(outer_out, width=3) {axis=0}
      back: back_out = Reshape(m_out, sizes_out)
      m/Add: m/from_end = Add(ids, m/depth:int32[])
      m/Less: m/below = Less(ids, m/zero:int32[])
      m/Where: m/counted = Where(m/below, m/from_end, ids)
      m/Clip: m/indices = Clip(m/counted, m/before:int32[], m/depth:int32[])
      m/Reshape: m/in_rows = Reshape(m/indices, m/rows=-1)
      m: m_out = Gather(table_rows[6,3], m/in_rows) {axis=0}
      m/Shape: m/outer = Shape(ids)
      all: all_out = Concat(m/outer, m/inner=5) {axis=0}
      → back_out"
    `);
    expect(context.operatorOf('m', 'Gather')).toBe('MatMul');
    expect(context.absorbedBy('m').sort()).toEqual(['hot', 'rows']);
    expect(context.declined('m')).toBeUndefined();
  });

  it.each<[string, Form]>([
    ['alone', {}],
    ['with int64 indices', { type: 'int64' }],
    ['with the last axis by its number', { axis: 2 }],
    ['behind a Reshape', { shape: [-1, DEPTH] }],
    ['behind a Reshape that copies sizes', { shape: [0, 2, -1, DEPTH] }],
    ['with its shape read', { shape: [-1, DEPTH], back: true }],
    ['with another reader', { sum: true }],
  ])('gives the same %s, whatever the indices', async (_, form) => {
    const before = embedding(form);
    const { after } = await applied(oneHotToGather, before);
    expect(after.graph.node.map((n) => n.opType)).not.toContain('MatMul');
    expect(after.graph.node.some((n) => n.opType === 'OneHot')).toBe(form.sum === true);
    const [got, want] = [
      await outputs(after, feed(form.type)),
      await outputs(before, feed(form.type)),
    ];
    expect(got).toEqual(want);
  });

  it.each<[string, Form, Declined]>([
    [
      'the axis is another one',
      { axis: 1, shape: [-1, DEPTH] },
      { code: 'attribute', node: 'hot', value: 'axis is 1, not the last one' },
    ],
    [
      'the values are others',
      { values: [0, 2] },
      { code: 'attribute', node: 'hot', value: 'values are 0 and 2' },
    ],
    [
      'the depth is another one',
      { depth: 10, shape: [-1, DEPTH] },
      { code: 'attribute', node: 'hot', value: 'depth is 10, and the table has 5 rows' },
    ],
    [
      'the Reshape cuts rows',
      { shape: [-1, 4, DEPTH, 1] },
      { code: 'shape', node: 'rows', tensor: 'rows_out', value: '[-1, 4, 5, 1]' },
    ],
    [
      'the Reshape copies a size that the indices have not',
      { shape: [-1, 1, 0, DEPTH] },
      { code: 'shape', node: 'rows', tensor: 'rows_out', value: '[-1, 1, 0, 5]' },
    ],
    [
      'zero times a weight is not zero',
      { table: [Infinity, ...new Array<number>(14).fill(1)] },
      { code: 'attribute', node: 'm', value: 'table holds numbers that are not finite' },
    ],
    [
      'the indices are floats',
      { type: 'float32' },
      { code: 'type', node: 'hot', tensor: 'ids', value: 'float32' },
    ],
    [
      'the table is one of doubles',
      { doubles: true },
      { code: 'type', node: 'm', tensor: 'table', value: 'float64' },
    ],
  ])('does nothing where %s, and says so', async (_, form, why) => {
    const before = embedding(form);
    expect(await untouched(oneHotToGather, before)).toBe(true);
    const { context } = await applied(oneHotToGather, before);
    expect(context.declined('m')).toMatchObject(why);
    expect(context.absorbedBy('m')).toEqual([]);
  });

  it('keeps a small table in float, as other embeddings', async () => {
    const g = new GraphBuilder();
    const ids = g.input('ids', [1, 8], 'int32');
    const hot = g.node('hot', 'OneHot', [
      ids,
      g.tensor(makeTensor('depth', 'int32', [1], Int32Array.of(64))),
      g.constant('values', [2], [0, 1]),
    ]);
    const rows = g.node('e', 'MatMul', [hot, g.random('table', [64, 16])]);
    const flat = g.node('flat', 'Reshape', [rows, g.ints('one', [1, 128])]);
    g.output(g.node('m', 'MatMul', [flat, g.random('w', [128, 256])]));
    const feeds = [3, 5, 7, 11].map((k) => ({
      ids: {
        type: 'int32' as const,
        dims: [1, 8],
        data: Int32Array.from({ length: 8 }, (_, i) => (i * k) % 64),
      },
    }));
    const { placement, units } = await quantize(g.build(), { feeds });
    expect(units.find((u) => u.name === 'e')).toMatchObject({ op: 'Gather', sourceOp: 'MatMul' });
    const found = placement.units.map(({ unit, integer, reason }) => [unit.name, integer, reason]);
    expect(found).toEqual([
      ['e', false, expect.stringMatching(/of the model's constants/)],
      ['m', true, null],
    ]);
  });
});
