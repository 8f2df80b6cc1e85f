/** LSTM and GRU cells that stand as single operators are known as what they are, and their states stay float. */
import { describe, expect, it } from 'vitest';
import { layerKind } from '../../../src/analyze/kind';
import { GraphIndex, loadModel, topologicalOrder, type Model } from '../../../src/onnx';
import { expandCell, findCells, floatProjection, readCell } from '../../../src/quantize/recurrent';
import { GraphBuilder } from '../../lib/graph';
import { placed } from '../../lib/place';
import { quantize } from '../../lib/quantize';
import { hasShared, sharedFile } from '../../lib/shared';

const [IN, HIDDEN] = [6, 4];

/** A recurrent layer written out as one step of single operators. */
function unrolled(op: 'LSTM' | 'GRU', attributes: Record<string, number> = {}): Model {
  const rows = (op === 'LSTM' ? 4 : 3) * HIDDEN;
  const g = new GraphBuilder(14);
  const inputs = [
    g.input('x', [1, 1, IN]),
    g.random('w', [1, rows, IN]),
    g.random('r', [1, rows, HIDDEN]),
    g.random('b', [1, 2 * rows]),
    '',
    g.input('h0', [1, 1, HIDDEN]),
  ];
  if (op === 'LSTM') inputs.push(g.input('c0', [1, 1, HIDDEN]));
  g.node('cell', op, inputs, { hidden_size: HIDDEN, ...attributes }, ['y', 'h']);
  const model = g.output('h').build();
  const index = new GraphIndex(model.graph);
  const cell = readCell(index, model.graph.node[0]!, null);
  if (typeof cell === 'string') throw new Error(cell);
  expandCell(index, cell, floatProjection, { steps: 1, batch: 1 });
  index.dropDeadNodes();
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  return model;
}

/** How often each operator plays a role in a cell. */
function roles(model: Model): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [node, { op, role }] of findCells(new GraphIndex(model.graph))) {
    const key = `${op} ${role} ${node.opType}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

describe('findCells', () => {
  it('knows an LSTM', () => {
    expect(roles(unrolled('LSTM'))).toEqual({
      'LSTM product MatMul': 2,
      'LSTM arithmetic Add': 2, // the bias, and the state
      'LSTM arithmetic Sum': 1,
      'LSTM arithmetic Sigmoid': 1,
      'LSTM arithmetic Tanh': 2,
      'LSTM arithmetic Mul': 3,
    });
  });

  it.each([0, 1])('knows a GRU with linear_before_reset = %i', (reset) => {
    const found = roles(unrolled('GRU', { linear_before_reset: reset }));
    expect(found).toMatchObject({
      'GRU product MatMul': reset ? 2 : 3,
      'GRU arithmetic Sigmoid': reset ? 2 : 1,
      'GRU arithmetic Tanh': 1,
      'GRU arithmetic Sub': 1,
      'GRU arithmetic Mul': 2,
    });
  });

  it('knows a GRU of (1 − z)·n + z·h over two steps, each a cell of its own', () => {
    const g = new GraphBuilder();
    const one = g.constant('one', [1], [1]);
    let h = g.input('h', [1, HIDDEN]);
    for (const t of [0, 1]) {
      const x = g.input(`x${t}`, [1, IN]);
      const gate = (name: string, state: string) =>
        g.node(`${name}${t}`, 'Add', [
          g.node(`${name}${t}.wx`, 'MatMul', [x, g.random(`${name}.w`, [IN, HIDDEN])]),
          g.node(`${name}${t}.rh`, 'MatMul', [state, g.random(`${name}.r`, [HIDDEN, HIDDEN])]),
        ]);
      const z = g.node(`z${t}.s`, 'Sigmoid', [gate('z', h)]);
      const r = g.node(`r${t}.s`, 'Sigmoid', [gate('r', h)]);
      const reset = g.node(`reset${t}`, 'Mul', [r, h]);
      const n = g.node(`n${t}.t`, 'Tanh', [gate('n', reset)]);
      const fresh = g.node(`fresh${t}`, 'Mul', [g.node(`not${t}`, 'Sub', [one, z]), n]);
      h = g.node(`h${t}`, 'Add', [fresh, g.node(`old${t}`, 'Mul', [z, h])]);
    }
    const cells = findCells(new GraphIndex(g.output(h).build().graph));
    const of = (cell: string) => [...cells.values()].filter((c) => c.cell === cell).length;
    expect([of('h0'), of('h1')]).toEqual([17, 17]);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string]>([
    [
      'a gated sum without a state that is shown',
      (g, x) => {
        const gate = (name: string) => g.node(name, 'Sigmoid', [x]);
        const tanh = g.node('tanh', 'Tanh', [x]);
        const [a, b] = [g.node('a', 'Mul', [gate('i'), tanh]), g.node('b', 'Mul', [gate('f'), x])];
        return g.node('sum', 'Add', [a, b]);
      },
    ],
    [
      'a highway: one gate and no reset',
      (g, x) => {
        const gate = g.node('gate', 'Sigmoid', [x]);
        const n = g.node('tanh', 'Tanh', [x]);
        return g.node('sum', 'Add', [n, g.node('m', 'Mul', [gate, g.node('d', 'Sub', [x, n])])]);
      },
    ],
  ])('leaves %s alone', (_, build) => {
    const g = new GraphBuilder();
    const y = build(g, g.input('x', [2, 4]));
    expect(findCells(new GraphIndex(g.output(y).build().graph)).size).toBe(0);
  });

  it('keeps the states of a cell of integer convolutions float, and says what they are', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 4, 8, 8]);
    const c0 = g.input('c0', [1, 4, 8, 8]);
    const conv = (name: string) => g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, 4, 1, 1])]);
    const gate = (name: string) => g.node(`${name}.s`, 'Sigmoid', [conv(name)]);
    const fresh = g.node('fresh', 'Mul', [gate('i'), g.node('g.t', 'Tanh', [conv('g')])]);
    const c = g.node('c', 'Add', [g.node('kept', 'Mul', [gate('f'), c0]), fresh]);
    const h = g.node('h', 'Mul', [gate('o'), g.node('c.t', 'Tanh', [c])]);
    const out = g.node('out', 'Conv', [h, g.random('out.w', [4, 4, 1, 1])]);
    const model = g.output(out).build();
    const { placement, units } = placed(model);
    const index = new GraphIndex(model.graph);
    const of = (name: string) => placement.units.find((u) => u.unit.name === name)!;
    for (const name of ['fresh', 'kept', 'c', 'h', 'i.s'])
      expect(of(name), name).toMatchObject({ integer: false });
    expect(of('h').reason).toContain('LSTM cell');
    for (const name of ['i', 'g', 'f', 'o', 'out'])
      expect(of(name), name).toMatchObject({ integer: true });
    const kind = (name: string) =>
      layerKind(
        index,
        units.find((u) => u.name === name)!,
      );
    expect([kind('i'), kind('c'), kind('out')]).toEqual([
      'Conv 1×1 in an LSTM cell',
      'Add in an LSTM cell',
      'Conv 1×1',
    ]);
  });

  it.skipIf(!hasShared)('knows both cells of dtln_2', async () => {
    const { placement } = await quantize(await loadModel(sharedFile('models/dtln_2.onnx')));
    const members = placement.units.filter((p) => p.unit.cell);
    expect(new Set(members.map((p) => p.unit.cell!.cell)).size).toBe(2);
    const products = members.filter((p) => p.unit.cell!.role === 'product');
    expect(products).toHaveLength(4);
    expect(products.every((p) => p.integer)).toBe(true);
    const rest = members.filter((p) => p.unit.cell!.role === 'arithmetic');
    expect(rest.every((p) => !p.integer && p.reason !== null)).toBe(true);
  });
});
