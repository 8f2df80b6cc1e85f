import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { nodeReads } from '../../src/onnx/graph';
import { label, topologicalOrder } from '../../src/onnx/order';
import type { GraphProto, NodeProto } from '../../src/onnx/schema';
import { graph, op } from './build';

const chain = (n: number) =>
  Array.from({ length: n }, (_, i) => op('Relu', [`t${i}`], [`t${i + 1}`]));

/** Every tensor is written before it is read. */
function isOrdered(g: GraphProto, order: readonly NodeProto[]): boolean {
  const written = new Set(g.node.flatMap((n) => n.output));
  const done = new Set<string>();
  for (const node of order) {
    for (const name of nodeReads(node)) if (written.has(name) && !done.has(name)) return false;
    for (const name of node.output) done.add(name);
  }
  return order.length === g.node.length;
}

function failure(nodes: NodeProto[]): VernierError {
  try {
    topologicalOrder(graph({ nodes }));
  } catch (error) {
    if (error instanceof VernierError) return error;
  }
  throw new Error('no VernierError');
}

/** An acyclic graph as a list of nodes, each reading some of those before it. */
const acyclic = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
  .map((reads) =>
    reads.map((from, i) =>
      op('Sum', i === 0 ? ['x'] : from.map((r) => `t${r % i}`), [`t${i}`], {}, `n${i}`),
    ),
  );

describe('topologicalOrder', () => {
  it('of any permutation of an acyclic graph is an order', () => {
    fc.assert(
      fc.property(
        acyclic.chain((nodes) =>
          fc.shuffledSubarray(nodes, { minLength: nodes.length, maxLength: nodes.length }),
        ),
        (nodes) => {
          const g = graph({ nodes });
          expect(isOrdered(g, topologicalOrder(g))).toBe(true);
        },
      ),
    );
  });

  it('leaves an ordered graph as it is', () => {
    fc.assert(
      fc.property(acyclic, (nodes) => {
        expect(topologicalOrder(graph({ nodes }))).toEqual(nodes);
      }),
    );
  });

  it('counts what bodies read from outside', () => {
    const body = graph({ outputs: { t: null }, nodes: [op('Relu', ['late'], ['t'])] });
    const branch = op('If', ['c'], ['y'], { then_branch: body, else_branch: body }, 'if');
    const late = op('Relu', ['x'], ['late'], {}, 'late');
    expect(topologicalOrder(graph({ nodes: [branch, late] }))).toEqual([late, branch]);
  });

  it.each([10_000, 100_000])('sorts a reversed chain of %i nodes in time', (n) => {
    const nodes = chain(n).reverse();
    const start = performance.now();
    expect(topologicalOrder(graph({ nodes }))).toEqual(nodes.reverse());
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('names a node that is on the cycle, not one behind it', () => {
    const error = failure([
      op('Relu', ['b'], ['behind'], {}, 'behind'),
      op('Add', ['x', 'c'], ['a'], {}, 'first'),
      op('Relu', ['a'], ['b'], {}, 'second'),
      op('Relu', ['b'], ['c'], {}, 'third'),
    ]);
    expect(error.code).toBe('model.cycle');
    expect(['first', 'second', 'third']).toContain(error.place.node);
    expect(error.message).not.toContain('behind');
  });

  it('finds a node that reads itself, and a cycle behind a long chain, in time', () => {
    expect(failure([op('Relu', ['a'], ['a'], {}, 'self')]).place.node).toBe('self');
    const nodes = chain(100_000);
    nodes.push(op('Add', ['t100000', 'q'], ['p'], {}, 'p'), op('Relu', ['p'], ['q'], {}, 'q'));
    const start = performance.now();
    expect(failure(nodes).code).toBe('model.cycle');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('names the second of two nodes that write one tensor', () => {
    const error = failure([
      op('Relu', ['x'], ['y'], {}, 'one'),
      op('Abs', ['x'], ['y'], {}, 'two'),
    ]);
    expect([error.code, error.place.node, error.place.tensor]).toEqual([
      'model.duplicate-output',
      'two',
      'y',
    ]);
  });

  it('allows outputs that are left out more than once', () => {
    const nodes = [op('LSTM', ['x'], ['', 'h']), op('LSTM', ['h'], ['', 'k'])];
    expect(topologicalOrder(graph({ nodes }))).toEqual(nodes);
  });
});

describe('label', () => {
  it.each([
    [op('Relu', ['x'], ['y'], {}, 'name'), 'name'],
    [op('Relu', ['x'], ['y']), 'y'],
    [op('LSTM', ['x'], ['', 'h']), 'h'],
    [op('Relu', ['x'], []), 'Relu'],
  ])('%#', (node, name) => {
    expect(label(node)).toBe(name);
  });
});
