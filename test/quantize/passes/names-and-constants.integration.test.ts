import { describe, expect, it } from 'vitest';
import { makeFloat, makeTensor, makeTensorAttribute } from '../../../src/onnx';
import { constantInputs } from '../../../src/quantize/passes/constant-inputs';
import { dropIdentities } from '../../../src/quantize/passes/drop-identities';
import { foldConstants } from '../../../src/quantize/passes/fold-constants';
import { inlineConstants } from '../../../src/quantize/passes/inline-constants';
import { nameNodes } from '../../../src/quantize/passes/name-nodes';
import { GraphBuilder, printGraph } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

const SIZE = [1, 4];

describe('nameNodes', () => {
  const named = (...names: string[]) => {
    const g = new GraphBuilder();
    g.input('x', SIZE);
    names.forEach((name, i) => g.node(name, 'Abs', ['x'], {}, [`y${i}`]));
    const model = g.output(...names.map((_, i) => `y${i}`)).build();
    nameNodes(model);
    return model.graph.node.map((n) => n.name);
  };

  it.each([
    ['names from outputs', ['', ''], ['y0', 'y1']],
    ['a name that is taken gets its output appended', ['a', 'a', 'b'], ['a', 'a:y1', 'b']],
    ['an output whose name a node has gets a number', ['y1', ''], ['y1', 'y1_1']],
    ['does nothing where all are there and differ', ['a', 'b'], ['a', 'b']],
  ])('%s', (_, before, after) => expect(named(...before)).toEqual(after));
});

describe('constantInputs', () => {
  it('takes constants out of the inputs', async () => {
    const g = new GraphBuilder(13, 3);
    const x = g.input('x', SIZE);
    g.input('w', SIZE);
    g.output(g.node('add', 'Add', [x, g.random('w', SIZE)]));
    const { after, text, context } = await applied(constantInputs, g.build());
    expect(text).toMatchInlineSnapshot(`
      "(x float32[1,4])
      add: add_out = Add(x, w[1,4])
      → add_out"
    `);
    expect(after.proto.irVersion).toBe(4n); // before it, every initializer had to be an input
    expect(context.notes.map((n) => n.code)).toEqual(['constant-inputs']);
  });

  it('does nothing where no name is both', async () => {
    const g = new GraphBuilder(13, 3);
    g.output(g.node('add', 'Add', [g.input('x', SIZE), g.random('w', SIZE)]));
    expect(await untouched(constantInputs, g.build())).toBe(true);
  });
});

describe('inlineConstants', () => {
  it('makes constants of Constant nodes', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', SIZE);
    const values = makeTensor('', 'float32', [4], Float32Array.of(1, 2, 3, 4));
    g.node('a', 'Constant', [], { value: makeTensorAttribute('', values) }, ['a']);
    g.node('b', 'Constant', [], { value_float: makeFloat('', 0.5) }, ['b']);
    g.node('c', 'Constant', [], { value_ints: [1, 4] }, ['c']);
    const sum = g.node('add', 'Add', [x, 'a']);
    const product = g.node('mul', 'Mul', [sum, 'b']);
    g.output(g.node('view', 'Reshape', [product, 'c']));
    expect(await same(inlineConstants, g.build())).toMatchInlineSnapshot(`
      "(x float32[1,4])
      add: add_out = Add(x, a[4])
      mul: mul_out = Mul(add_out, b[])
      view: view_out = Reshape(mul_out, c=1,4)
      → view_out"
    `);
  });

  it.each<[string, (g: GraphBuilder) => void]>([
    [
      'a constant that is an output',
      (g) => g.output(g.node('a', 'Constant', [], { value_float: makeFloat('', 1) }, ['a'])),
    ],
    ['text', (g) => g.output(g.node('t', 'Constant', [], { value_string: 'text' }, ['t']))],
    ['no constants', (g) => g.output(g.node('a', 'Abs', [g.input('x', SIZE)]))],
  ])('does nothing for %s', async (_, build) => {
    const g = new GraphBuilder();
    build(g);
    expect(await untouched(inlineConstants, g.build())).toBe(true);
  });
});

describe('foldConstants', () => {
  it('computes what depends on constants alone, and keeps what does not', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', [2, 4]);
    const half = g.node('half', 'Mul', [g.random('w', [4, 3]), g.constant('c', [], [0.5])]);
    const turned = g.node('turned', 'Transpose', [half]);
    const again = g.node('again', 'Transpose', [turned]);
    g.output(g.node('m', 'MatMul', [x, again]));
    const { context } = await applied(foldConstants, g.build());
    expect(await same(foldConstants, g.build())).toMatchInlineSnapshot(`
      "(x float32[2,4])
      m: m_out = MatMul(x, again_out[4,3])
      → m_out"
    `);
    expect(context.notes.map((n) => n.code)).toEqual(['constants-folded']);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string]>([
    ['there is nothing to fold', (g, x) => g.node('a', 'Abs', [x])],
    ['the result is an output of the model', (g) => g.node('a', 'Abs', [g.random('w', SIZE)])],
    [
      'a result is random',
      (g, x) => g.node('a', 'Add', [x, g.node('r', 'RandomNormalLike', [g.random('w', SIZE)])]),
    ],
    [
      'weights are quantized already',
      (g, x) => {
        const codes = makeTensor('q', 'uint8', [1, 4], Uint8Array.of(1, 2, 3, 4));
        const w = g.node('dq', 'DequantizeLinear', [g.tensor(codes), g.constant('s', [], [0.1])]);
        return g.node('a', 'Add', [x, w]);
      },
    ],
    [
      'the runtime has no kernel',
      (g, x) => g.node('a', 'Add', [x, g.node('odd', 'Oddity', [g.random('w', SIZE)])]),
    ],
  ])('does nothing where %s', async (_, build) => {
    const g = new GraphBuilder();
    g.output(build(g, g.input('x', SIZE)));
    expect(await untouched(foldConstants, g.build())).toBe(true);
  });
});

describe('dropIdentities', () => {
  it('takes Identity and Dropout out, and lets outputs keep their names', async () => {
    const g = new GraphBuilder();
    const a = g.node('a', 'Abs', [g.node('i1', 'Identity', [g.input('x', SIZE)])]);
    const d = g.node('drop', 'Dropout', [a]);
    g.output(g.node('e', 'Exp', [d]), g.node('i2', 'Identity', [g.node('n', 'Neg', [a])]));
    const { context } = await applied(dropIdentities, g.build());
    expect(await same(dropIdentities, g.build())).toMatchInlineSnapshot(`
      "(x float32[1,4])
      a: a_out = Abs(x)
      e: e_out = Exp(a_out)
      n: i2_out = Neg(a_out)
      → e_out, i2_out"
    `);
    expect([context.hostOf('drop'), context.hostOf('i2'), context.hostOf('i1')]).toEqual([
      'a',
      'n',
      'i1', // it followed the input: there is no node to lead to
    ]);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string[]]>([
    ['it leads from input to output', (g, x) => [g.node('i', 'Identity', [x])]],
    [
      'what it reads is an output too',
      (g, x) => {
        const a = g.node('a', 'Abs', [x]);
        return [a, g.node('i', 'Identity', [a])];
      },
    ],
    [
      'an output would be read inside the model',
      (g, x) => {
        const t = g.node('t', 'Transpose', [x]);
        return [g.node('m', 'MatMul', [x, t]), g.node('i', 'Identity', [t])];
      },
    ],
    [
      'a mask of Dropout is read',
      (g, x) => {
        g.node('d', 'Dropout', [x], {}, ['y', 'mask']);
        return ['y', g.node('c', 'Cast', ['mask'], { to: 1 })];
      },
    ],
    [
      'Dropout trains',
      (g, x) => {
        const train = g.tensor(makeTensor('train', 'bool', [], Uint8Array.of(1)));
        return [g.node('d', 'Dropout', [x, g.constant('rate', [], [0.5]), train])];
      },
    ],
  ])('does nothing where %s', async (_, build) => {
    const g = new GraphBuilder();
    g.output(...build(g, g.input('x', SIZE)));
    expect(await untouched(dropIdentities, g.build())).toBe(true);
  });
});

describe('printGraph', () => {
  it('says all that a pass may change', () => {
    const g = new GraphBuilder();
    const x = g.input('x', ['n', 3, null]);
    const y = g.node(
      'c',
      'Conv',
      [x, g.random('w', [4, 3, 1]), ''],
      { pads: [0, 0], auto_pad: 'NOTSET' },
      ['y'],
    );
    g.output(g.node('r', 'Reshape', [y, g.ints('shape', [1, -1])], {}, ['z'], 'my.ops'));
    expect(printGraph(g.build())).toBe(
      [
        '(x float32[n,3,?])',
        'c: y = Conv(x, w[4,3,1], _) {auto_pad=NOTSET, pads=[0,0]}',
        'r: z = my.ops.Reshape(y, shape=1,-1)',
        '→ z',
      ].join('\n'),
    );
  });
});
