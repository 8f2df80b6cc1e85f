import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  allNodes,
  allTensors,
  GraphIndex,
  hasAttribute,
  nodeReads,
  outerReads,
} from '../../src/onnx/graph';
import type { GraphProto } from '../../src/onnx/schema';
import { floats, graph, op, type GraphInit } from './build';

const index = (init: GraphInit) => new GraphIndex(graph(init));

/** x → Relu → a → Identity → b → Neg → y, and a constant. */
const line = (more: Partial<GraphInit> = {}) =>
  index({
    inputs: { x: [2] },
    outputs: { y: [2] },
    nodes: [
      op('Relu', ['x'], ['a'], {}, 'relu'),
      op('Identity', ['a'], ['b'], {}, 'id'),
      op('Add', ['b', 'w'], ['y'], {}, 'add'),
    ],
    initializers: [floats('w', [2])],
    ...more,
  });

const text = (g: GraphProto) => g.node.map((n) => `${n.input.join()}>${n.output.join()}`).join(' ');
const node = (i: GraphIndex, name: string) => i.graph.node.find((n) => n.name === name)!;

/** An index made anew says the same: edits have kept it true. */
function expectTrue(i: GraphIndex): void {
  const fresh = new GraphIndex(i.graph);
  const names = new Set([...allNodes(i.graph)].flatMap((n) => [...n.input, ...n.output]));
  for (const name of names) {
    expect([name, i.producer(name)]).toEqual([name, fresh.producer(name)]);
    expect([name, new Set(i.consumers(name))]).toEqual([name, new Set(fresh.consumers(name))]);
  }
}

describe('GraphIndex', () => {
  it('knows producers, consumers, constants, inputs and outputs', () => {
    const i = line({ inputs: { x: [2], w: [2] } });
    expect(i.producer('a')?.name).toBe('relu');
    expect(i.producer('x')).toBeUndefined();
    expect(i.consumers('a').map((n) => n.name)).toEqual(['id']);
    expect(i.initializer('w')?.name).toBe('w');
    expect([i.isConstant('w'), i.isConstant('x')]).toEqual([true, false]);
    // an initializer that is an input too is a constant
    expect([i.isGraphInput('x'), i.isGraphInput('w')]).toEqual([true, false]);
    expect([i.isGraphOutput('y'), i.isGraphOutput('a')]).toEqual([true, false]);
    expect(i.valueInfo('y')?.name).toBe('y');
  });

  it('counts a node once that reads a tensor twice', () => {
    const i = index({ nodes: [op('Mul', ['x', 'x'], ['y'])] });
    expect(i.consumers('x')).toHaveLength(1);
  });

  it('bypasses a node: readers read its input', () => {
    const i = line();
    expect(i.bypass(node(i, 'id'), 'a')).toBe(true);
    expect(text(i.graph)).toBe('x>a a,w>y');
    expectTrue(i);
  });

  it('bypasses at a graph output: the output keeps its name', () => {
    const i = line({
      nodes: [
        op('Relu', ['x'], ['a'], {}, 'relu'),
        op('Neg', ['a'], ['n'], {}, 'neg'),
        op('Identity', ['a'], ['y'], {}, 'id'),
      ],
    });
    expect(i.bypass(node(i, 'id'), 'a')).toBe(true);
    expect(text(i.graph)).toBe('x>y y>n');
    expectTrue(i);
  });

  it('cannot bypass from a graph input to a graph output, nor between two outputs', () => {
    const direct = index({
      inputs: { x: [2] },
      outputs: { y: [2] },
      nodes: [op('Identity', ['x'], ['y'])],
    });
    expect(direct.bypass(direct.graph.node[0]!, 'x')).toBe(false);
    expect(text(direct.graph)).toBe('x>y');
    const both = line({
      outputs: { a: [2], y: [2] },
      nodes: [op('Relu', ['x'], ['a']), op('Identity', ['a'], ['y'], {}, 'id')],
    });
    expect(both.bypass(node(both, 'id'), 'a')).toBe(false);
  });

  const withBody = () => {
    const inner = graph({
      outputs: { t: null },
      nodes: [op('Add', ['b', 'local'], ['t'])],
      initializers: [floats('local', [2])],
    });
    const shadow = graph({
      inputs: { b: null },
      outputs: { u: null },
      nodes: [op('Relu', ['b'], ['u'])],
    });
    return line({
      nodes: [
        op('Relu', ['x'], ['a'], {}, 'relu'),
        op('Identity', ['a'], ['b'], {}, 'id'),
        op('If', ['c'], ['y'], { then_branch: inner, else_branch: shadow }, 'if'),
      ],
    });
  };

  it('sees through bodies what is read from outside', () => {
    const i = withBody();
    expect(i.consumers('b').map((n) => n.name)).toEqual(['if']);
    expect([...nodeReads(node(i, 'if'))].sort()).toEqual(['b', 'c']);
    expect([...outerReads(node(i, 'if').attribute[0]!.g!)]).toEqual(['b']);
  });

  it('renames in bodies, but not what a body defines itself', () => {
    const i = withBody();
    expect(i.bypass(node(i, 'id'), 'a')).toBe(true);
    const [yes, no] = node(i, 'if').attribute.map((a) => a.g!) as [GraphProto, GraphProto];
    expect(yes.node[0]!.input).toEqual(['a', 'local']);
    expect(no.node[0]!.input).toEqual(['b']);
    expectTrue(i);
  });

  it('renames an outer tensor that a body only hands on', () => {
    const body = graph({ outputs: { a: null }, nodes: [] });
    const i = index({
      nodes: [op('Relu', ['x'], ['a']), op('If', ['c'], ['y'], { then_branch: body })],
    });
    i.replaceUses('a', 'x');
    expect(body.output[0]!.name).toBe('x');
  });

  it('replaces uses except where told', () => {
    const i = index({ nodes: [op('Relu', ['x'], ['a']), op('Neg', ['x'], ['b'])] });
    i.replaceUses('x', 'z', [i.graph.node[0]!]);
    expect(text(i.graph)).toBe('x>a z>b');
    expectTrue(i);
  });

  it('inserts first, last and after a node', () => {
    const i = index({ nodes: [op('Relu', ['x'], ['a'])] });
    i.insertNode(op('Neg', ['a'], ['b']));
    i.insertNode(op('Abs', ['a'], ['c']), i.graph.node[0]);
    i.insertNode(op('Exp', ['q'], ['x']), null);
    expect(text(i.graph)).toBe('q>x x>a a>c a>b');
    expectTrue(i);
  });

  it('sets inputs and outputs, filling what is left out', () => {
    const i = line();
    i.setInput(node(i, 'relu'), 2, 'w');
    i.setOutput(node(i, 'add'), 0, 'z');
    expect(text(i.graph)).toBe('x,,w>a a>b b,w>z');
    expectTrue(i);
  });

  it('makes names that nothing has: nodes, tensors, inputs, declarations, bodies', () => {
    const i = line({ valueInfo: { said: [1] } });
    i.insertNode(
      op('If', ['c'], ['z'], {
        then_branch: graph({
          outputs: { t: null },
          nodes: [op('Relu', ['x'], ['t'], {}, 'inner')],
        }),
      }),
    );
    for (const name of ['x', 'y', 'a', 'w', 'relu', 'said', 't', 'inner'])
      expect(i.freshName(name)).toBe(`${name}_1`);
    expect(i.freshName('x')).toBe('x_2');
    expect(i.freshName('new')).toBe('new');
    expect(i.freshName('new')).toBe('new_1');
  });

  it('drops initializers that nothing reads, not those of bodies or outputs', () => {
    const i = withBody();
    i.addInitializer(floats('orphan', [1]));
    i.addInitializer(floats('c', [1]));
    i.addInitializer(floats('y', [1]));
    expect(i.dropUnusedInitializers()).toEqual(['w', 'orphan']);
    expect(i.graph.initializer.map((t) => t.name)).toEqual(['c', 'y']);
    expect(i.isConstant('orphan')).toBe(false);
  });

  it('drops dead nodes, however long the line of them', () => {
    const dead = Array.from({ length: 2000 }, (_, k) => op('Neg', [`d${k}`], [`d${k + 1}`]));
    const i = line({ nodes: [op('Relu', ['x'], ['y']), ...dead.reverse()] });
    expect(i.dropDeadNodes()).toBe(2000);
    expect(text(i.graph)).toBe('x>y');
  });

  it('stays true through random edits', () => {
    const edits = fc.array(fc.tuple(fc.nat(4), fc.nat(), fc.nat()), { maxLength: 30 });
    fc.assert(
      fc.property(edits, (list) => {
        const i = line();
        const tensors = () => [...allNodes(i.graph)].flatMap((n) => [...n.input, ...n.output]);
        for (const [what, a, b] of list) {
          const nodes = i.graph.node;
          if (nodes.length === 0) break;
          const names = tensors();
          const n = nodes[a % nodes.length]!;
          const t = names[b % names.length]!;
          if (what === 0) i.replaceUses(t, names[a % names.length]!);
          else if (what === 1) i.insertNode(op('Relu', [t], [i.freshName('r')]), n);
          else if (what === 2) i.removeNode(n);
          else if (what === 3) i.setInput(n, b % 3, t);
          else i.bypass(n, n.input[0] ?? 'x');
          expectTrue(i);
        }
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('allNodes and allTensors', () => {
  it('go into bodies', () => {
    const body = graph({
      outputs: { t: null },
      nodes: [op('Constant', [], ['t'], { value: floats('', [1]) })],
      initializers: [floats('inner', [1])],
    });
    const g = graph({
      nodes: [op('If', ['c'], ['y'], { then_branch: body })],
      initializers: [floats('outer', [1])],
    });
    expect([...allNodes(g)].map((n) => n.opType)).toEqual(['If', 'Constant']);
    expect([...allTensors(g)].map(({ tensor, node: n }) => [tensor.name, n?.opType])).toEqual([
      ['outer', undefined],
      ['inner', undefined],
      ['', 'Constant'],
    ]);
  });

  it('hasAttribute', () => {
    const n = op('Conv', [], [], { group: 1 });
    expect([hasAttribute(n, 'group'), hasAttribute(n, 'pads')]).toEqual([true, false]);
  });
});
