import { describe, expect, it } from 'vitest';
import { compositesOf, type Composite } from '../../../src/analyze/analytic/composite';
import { Net } from '../../../src/analyze/analytic/net';
import { diagonalOf, fieldOf, Sketcher } from '../../../src/analyze/analytic/sketch';
import { rowsBack, rowsTimes, weightOf } from '../../../src/analyze/analytic/weight';
import { GraphBuilder, randomValues } from '../../lib/graph';

const SMALL = new Sketcher({ weights: 1000, widest: 100 });

describe('a sketch', () => {
  it('has fewer rows the more weights there are', () => {
    expect(SMALL.rows).toBe(64);
    expect(new Sketcher({ weights: 1e8, widest: 1000 }).rows).toBe(30);
    expect(new Sketcher({ weights: 1e12, widest: 1000 }).rows).toBe(16);
  });

  it('takes places for alike where it cannot afford a cell for each', () => {
    const large = new Sketcher({ weights: 1e8, widest: 8 });
    const one = { grain: [1, 4, 3], rows: [Float64Array.of(0, 0, 0, 2, 4, -6, 0, 0, 0, 0, 0, 0)] };
    expect(SMALL.bounded(one)).toBe(one);
    const { grain, rows } = large.bounded(one);
    expect(grain).toEqual([1, 1, 3]);
    // a quarter of the power of the one place that has some, and its channels still go together
    const sign = Math.sign(rows[0]![0]!);
    expect(rows[0]!.map((v) => v * sign)).toEqual(Float64Array.of(1, 2, -3));
    const all = {
      grain: [2, 5, 4],
      rows: Array.from({ length: 400 }, () => new Float64Array(40).fill(1)),
    };
    const mean = large.bounded(all);
    expect(mean.grain).toEqual([2, 1, 4]);
    diagonalOf(mean).forEach((v) => expect(Math.abs(v / 400 - 1)).toBeLessThan(0.2));
  });

  it('is exact of a diagonal with a row for every cell', () => {
    const sketch = SMALL.diagonal([1, 3], [4, 9, 0.25]);
    expect([...diagonalOf(sketch)]).toEqual([4, 9, 0.25]);
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const)
      expect(sketch.rows.reduce((sum, row) => sum + row[a]! * row[b]!, 0)).toBe(0);
    expect(fieldOf(sketch)).toEqual({ axis: 1, values: Float64Array.of(4, 9, 0.25) });
  });

  it('is exact on the diagonal, and near it besides, with fewer rows', () => {
    const wanted = Float64Array.from(randomValues(200, 'd', 0, 1));
    const sketch = SMALL.diagonal([200], wanted);
    diagonalOf(sketch).forEach((v, c) => expect(v).toBeCloseTo(wanted[c]!, 10));
    let [beside, all] = [0, 0];
    for (let a = 0; a < 200; a++)
      for (let b = 0; b < a; b++) {
        const at = sketch.rows.reduce((sum, row) => sum + row[a]! * row[b]!, 0);
        beside += at * at;
        all += wanted[a]! * wanted[b]!;
      }
    // the variance of a mean of 64 products of signs
    expect((beside / all) * 64).toBeGreaterThan(0.9);
    expect((beside / all) * 64).toBeLessThan(1.1);
  });

  it('adds ways that go together before they are squared', () => {
    const one = SMALL.diagonal([1, 2], [1, 4]);
    expect([...diagonalOf(SMALL.sum(one, one))]).toEqual([4, 16]);
    const other = SMALL.refined(SMALL.diagonal([1, 1], [1]), [1, 2]);
    expect([...diagonalOf(other)]).toEqual([1, 1]);
  });
});

describe('rows through a weight', () => {
  it.each([
    ['MatMul', {}, [5, 7]],
    ['Gemm', { transB: 1 }, [7, 5]],
  ])('%s: there, and the transposed way back', (op, attributes, dims) => {
    const g = new GraphBuilder();
    g.output(g.node('m', op, [g.input('x', [2, 5]), g.random('w', dims)], attributes));
    const model = g.build();
    const net = new Net(model, new Map(), new Map());
    const weight = weightOf(net, model.graph.node[0]!)!;
    const w = net.constant('w')!.values;
    const at = (k: number, n: number) => w[op === 'Gemm' ? n * 5 + k : k * 7 + n]!;
    const row = Float64Array.from(randomValues(5, 'row'));
    const [there] = rowsTimes({ grain: [1, 5], rows: [row] }, weight).rows;
    there!.forEach((v, n) =>
      expect(v).toBeCloseTo(
        row.reduce((sum, x, k) => sum + x * at(k, n), 0),
        10,
      ),
    );
    const gain = Float64Array.from(randomValues(7, 'gain'));
    const back = rowsBack({ grain: [1, 7], rows: [gain] }, weight);
    expect(back.grain).toEqual([1, 5]);
    back.rows[0]!.forEach((v, k) =>
      expect(v).toBeCloseTo(
        gain.reduce((sum, x, n) => sum + x * at(k, n), 0),
        10,
      ),
    );
  });
});

/** x · (1 + erf(x / √2)) behind a product. */
function gelu(readInside = false) {
  const g = new GraphBuilder();
  const m = g.node('m', 'MatMul', [g.input('x', [2, 4]), g.random('w', [4, 4])]);
  const erf = g.node('e', 'Erf', [g.node('d', 'Div', [m, g.constant('r', [], [Math.SQRT2])])]);
  const sum = g.node('a', 'Add', [erf, g.constant('one', [1], [1])]);
  g.output(g.node('h', 'Mul', [m, sum]));
  if (readInside) g.output(g.node('n', 'Neg', [erf]));
  return g.build();
}

describe('composites', () => {
  it('finds a function of one tensor that comes from it on two ways', () => {
    const model = gelu();
    const found = compositesOf(new Net(model, new Map(), new Map()));
    expect([...found.keys()].map((n) => n.output[0])).toEqual(['h_out']);
    const [{ root, nodes, f }] = [...found.values()] as [Composite];
    expect(root).toBe('m_out');
    expect(nodes.size).toBe(4);
    // 2 · x · Φ(x); Φ(1) and Φ(−2) as tabulated
    expect(f(1)).toBeCloseTo(2 * 0.8413447, 6);
    expect(f(-2)).toBeCloseTo(-4 * 0.0227501, 6);
  });

  it('leaves one alone that is read inside', () => {
    expect(compositesOf(new Net(gelu(true), new Map(), new Map())).size).toBe(0);
  });

  it('does not take two tensors for one', () => {
    const g = new GraphBuilder();
    const [x, y] = [g.input('x', [2, 4]), g.input('y', [2, 4])];
    g.output(g.node('p', 'Mul', [g.node('t', 'Tanh', [x]), g.node('s', 'Sigmoid', [y])]));
    expect(compositesOf(new Net(g.build(), new Map(), new Map())).size).toBe(0);
  });
});
