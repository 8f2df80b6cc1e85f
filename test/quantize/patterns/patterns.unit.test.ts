/** Patterns of transformers as exporters write them out, and graphs that only look like them. */
import { describe, expect, it } from 'vitest';
import { patternsOf } from '../../../src/quantize/patterns';
import { makeTensor } from '../../../src/onnx';
import { GraphBuilder } from '../../lib/graph';

const D = 8;
type Part = (g: GraphBuilder, x: string) => string;
const one = (g: GraphBuilder, name: string, value: number) => g.constant(name, [], [value]);
const gain = (g: GraphBuilder, name: string) => g.random(name, [D]);
/** Nodes get the operator's name and a number. */
function op(g: GraphBuilder, name: string, inputs: string[], attributes = {}): string {
  return g.node(`n${count++}`, name, inputs, attributes);
}
let count = 0;

/** Operators of each pattern, in graph order, and those outside of any. */
function parts(build: Part, shape: number[] = [2, 4, D]) {
  count = 0;
  const g = new GraphBuilder(17);
  g.output(build(g, g.input('x', shape)));
  const model = g.build();
  const found = patternsOf(model);
  const by: Record<string, string[]> = {};
  for (const node of model.graph.node)
    (by[found.parts.get(node)?.pattern ?? 'none'] ??= []).push(node.opType);
  return { by, masked: Object.fromEntries(found.masked) };
}

const mean = (g: GraphBuilder, x: string) => op(g, 'ReduceMean', [x], { axes: [-1] });

const layerNorms: Record<string, Part> = {
  'PyTorch: Pow and Div': (g, x) => {
    const d = op(g, 'Sub', [x, mean(g, x)]);
    const variance = mean(g, op(g, 'Pow', [d, one(g, 'two', 2)]));
    const sigma = op(g, 'Sqrt', [op(g, 'Add', [variance, one(g, 'eps', 1e-5)])]);
    const scaled = op(g, 'Mul', [op(g, 'Div', [d, sigma]), gain(g, 'gamma')]);
    return op(g, 'Add', [scaled, gain(g, 'beta')]);
  },
  'a product of itself, two differences': (g, x) => {
    const m = mean(g, x);
    const [d, e] = [op(g, 'Sub', [x, m]), op(g, 'Sub', [x, m])];
    const variance = mean(g, op(g, 'Mul', [e, e]));
    const sigma = op(g, 'Sqrt', [op(g, 'Add', [variance, one(g, 'eps', 1e-5)])]);
    const scaled = op(g, 'Mul', [op(g, 'Div', [d, sigma]), gain(g, 'gamma')]);
    return op(g, 'Add', [scaled, gain(g, 'beta')]);
  },
  'TensorFlow: the gain over sigma first': (g, x) => {
    const m = mean(g, x);
    const d = op(g, 'Sub', [x, m]);
    const variance = mean(g, op(g, 'Mul', [d, d]));
    const sigma = op(g, 'Sqrt', [op(g, 'Add', [variance, one(g, 'eps', 1e-3)])]);
    const factor = op(g, 'Mul', [op(g, 'Reciprocal', [sigma]), gain(g, 'gamma')]);
    const offset = op(g, 'Sub', [gain(g, 'beta'), op(g, 'Mul', [m, factor])]);
    return op(g, 'Add', [op(g, 'Mul', [x, factor]), offset]);
  },
  'RMSNorm: no mean': (g, x) => {
    const square = mean(g, op(g, 'Pow', [x, one(g, 'two', 2)]));
    const sigma = op(g, 'Sqrt', [op(g, 'Add', [square, one(g, 'eps', 1e-6)])]);
    const scaled = op(g, 'Mul', [x, op(g, 'Reciprocal', [sigma])]);
    return op(g, 'Mul', [gain(g, 'gamma'), scaled]);
  },
};

describe('layer norm', () => {
  it.each(Object.entries(layerNorms))('%s', (_, build) => {
    const { by } = parts(build);
    expect(Object.keys(by)).toEqual(['LayerNorm']);
  });

  it.each(Object.entries(layerNorms))('%s: what comes before and behind is no part', (_, build) => {
    const { by } = parts((g, x) => {
      const y = build(g, op(g, 'Exp', [x]));
      return op(g, 'Mul', [op(g, 'Add', [op(g, 'Mul', [y, g.input('z', [D])]), y]), y]);
    });
    expect(by.none).toEqual(['Exp', 'Mul', 'Add', 'Mul']);
  });

  it('a standard deviation that nothing is divided by is none', () => {
    const { by } = parts((g, x) => {
      const square = mean(g, op(g, 'Pow', [x, one(g, 'two', 2)]));
      return op(g, 'Sqrt', [square]);
    });
    expect(Object.keys(by)).toEqual(['none']);
  });
});

const half = (g: GraphBuilder) => one(g, 'half', 0.5);
const erf = (g: GraphBuilder, x: string) =>
  op(g, 'Add', [op(g, 'Erf', [op(g, 'Div', [x, one(g, 'root', Math.SQRT2)])]), one(g, 'one', 1)]);
const tanh = (g: GraphBuilder, x: string, cube: string) => {
  const inner = op(g, 'Add', [x, op(g, 'Mul', [cube, one(g, 'c', 0.044715)])]);
  const scaled = op(g, 'Mul', [inner, one(g, 'k', 0.7978845608)]);
  return op(g, 'Add', [op(g, 'Tanh', [scaled]), one(g, 'one', 1)]);
};

const gelus: Record<string, Part> = {
  'Erf, then x, then a half': (g, x) => op(g, 'Mul', [op(g, 'Mul', [x, erf(g, x)]), half(g)]),
  'Erf, then half of x': (g, x) => {
    const e = erf(g, x);
    return op(g, 'Mul', [op(g, 'Mul', [x, half(g)]), e]);
  },
  'Erf, a half first': (g, x) => op(g, 'Mul', [x, op(g, 'Mul', [half(g), erf(g, x)])]),
  'tanh with a power': (g, x) => {
    const y = tanh(g, x, op(g, 'Pow', [x, one(g, 'three', 3)]));
    return op(g, 'Mul', [op(g, 'Mul', [x, half(g)]), y]);
  },
  'tanh with products': (g, x) => {
    const y = tanh(g, x, op(g, 'Mul', [op(g, 'Mul', [x, x]), x]));
    return op(g, 'Mul', [op(g, 'Mul', [half(g), x]), y]);
  },
};

describe('GELU', () => {
  it.each(Object.entries(gelus))('%s', (_, build) => {
    const { by } = parts((g, x) => op(g, 'Exp', [build(g, op(g, 'Exp', [x]))]));
    expect(by.none).toEqual(['Exp', 'Exp']);
    expect(by.GELU!.length).toBeGreaterThan(4);
  });

  it('with a Transpose on both ways, which belongs to nothing', () => {
    const { by } = parts((g, x) => {
      const turned = (y: string) => op(g, 'Transpose', [y], { perm: [0, 2, 1] });
      const y = op(g, 'Exp', [x]);
      const halved = turned(op(g, 'Mul', [y, half(g)]));
      const scaled = op(g, 'Mul', [y, one(g, 'root', Math.SQRT1_2)]);
      const e = op(g, 'Add', [op(g, 'Erf', [turned(scaled)]), one(g, 'one', 1)]);
      return op(g, 'Mul', [halved, e]);
    });
    expect(by.none).toEqual(['Exp', 'Transpose', 'Transpose']);
    expect(by.GELU!.sort()).toEqual(['Add', 'Erf', 'Mul', 'Mul', 'Mul']);
  });

  it.each<[string, Part]>([
    ['a Tanh alone', (g, x) => op(g, 'Tanh', [x])],
    ['1 + tanh', (g, x) => op(g, 'Add', [op(g, 'Tanh', [x]), one(g, 'one', 1)])],
    [
      'a gate: tanh(x) + 1 times something else',
      (g, x) => {
        const t = op(g, 'Add', [op(g, 'Tanh', [x]), one(g, 'one', 1)]);
        return op(g, 'Mul', [t, g.input('y', [2, 4, D])]);
      },
    ],
    ['x·σ(x)', (g, x) => op(g, 'Mul', [x, op(g, 'Sigmoid', [x])])],
  ])('not: %s', (_, build) => {
    expect(parts(build).by.GELU).toBeUndefined();
  });
});

describe('attention', () => {
  const product = (g: GraphBuilder, x: string, score: (s: string) => string) => {
    const keys = op(g, 'Transpose', [x], { perm: [0, 2, 1] });
    const s = op(g, 'MatMul', [x, keys]);
    return op(g, 'MatMul', [op(g, 'Softmax', [score(s)], { axis: -1 }), x]);
  };
  const condition = (g: GraphBuilder) =>
    g.tensor(makeTensor('allowed', 'bool', [4, 4], new Uint8Array(16).fill(1)));

  it('without a mask: both products, what is between, and the Softmax', () => {
    const { by, masked } = parts((g, x) =>
      product(g, x, (s) => op(g, 'Mul', [s, one(g, 'scale', 0.3)])),
    );
    expect(by).toEqual({
      attention: ['MatMul', 'Mul', 'Softmax', 'MatMul'],
      none: ['Transpose'],
    });
    expect(masked).toEqual({});
  });

  it.each<[string, (g: GraphBuilder, s: string) => string, number]>([
    [
      'Where of −∞',
      (g, s) => op(g, 'Where', [condition(g), s, one(g, 'mask', -Infinity)]),
      -Infinity,
    ],
    [
      'Add of a constant with −10000',
      (g, s) => op(g, 'Add', [s, g.constant('m', [2], [0, -1e4])]),
      -1e4,
    ],
    [
      'Add of (1 − mask) · −10000',
      (g, s) => {
        const m = op(g, 'Sub', [one(g, 'one', 1), g.input('mask', [1, 1, 4])]);
        return op(g, 'Add', [s, op(g, 'Mul', [m, one(g, 'low', -1e4)])]);
      },
      -1e4,
    ],
  ])('masked by %s', (_, mask, value) => {
    const { by, masked } = parts((g, x) => product(g, x, (s) => mask(g, s)));
    expect(by['masked softmax']).toContain('Softmax');
    expect(by.attention).toEqual(['MatMul', 'MatMul']);
    expect(Object.values(masked)).toContain(value);
  });

  it('a Softmax at the end of a classifier is none', () => {
    const { by } = parts((g, x) => op(g, 'Softmax', [op(g, 'MatMul', [x, g.random('w', [D, 3])])]));
    expect(Object.keys(by)).toEqual(['none']);
  });

  it('a masked Softmax of scores without a product is one', () => {
    const { by } = parts((g, x) =>
      op(g, 'Softmax', [op(g, 'Where', [g.input('c', [1], 'bool'), x, one(g, 'm', -1e9)])]),
    );
    expect(by).toEqual({ 'masked softmax': ['Where', 'Softmax'] });
  });

  it('what is no mask: offsets of ordinary size, and large positive ones', () => {
    const { masked } = parts((g, x) =>
      op(g, 'Add', [op(g, 'Add', [x, one(g, 'a', -123.7)]), one(g, 'b', 5000)]),
    );
    expect(masked).toEqual({});
  });
});

describe('residual adds', () => {
  const norm = layerNorms['RMSNorm: no mean']!;
  const layer = (g: GraphBuilder, x: string) => op(g, 'MatMul', [x, gain2(g)]);
  const gain2 = (g: GraphBuilder) => g.random(`w${count++}`, [D, D]);

  it.each<[string, Part, string[]]>([
    ['norm first', (g, x) => op(g, 'Add', [x, layer(g, norm(g, x))]), ['Add']],
    ['norm last', (g, x) => norm(g, op(g, 'Add', [x, layer(g, x)])), ['Add']],
    [
      'one node: LayerNormalization',
      (g, x) => {
        const sum = op(g, 'Add', [x, layer(g, x)]);
        return op(g, 'LayerNormalization', [sum, gain(g, 'gamma')]);
      },
      ['Add'],
    ],
  ])('%s', (_, build, found) => {
    expect(parts(build).by['residual add']).toEqual(found);
  });

  it('without a norm there is none, and an offset is none', () => {
    const { by } = parts((g, x) => op(g, 'Add', [x, layer(g, x)]));
    expect(by['residual add']).toBeUndefined();
    const offset = parts((g, x) => norm(g, op(g, 'Add', [x, gain(g, 'offset')])));
    expect(offset.by['residual add']).toBeUndefined();
  });
});
