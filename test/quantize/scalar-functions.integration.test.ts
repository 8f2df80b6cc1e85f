/** Functions of single values beside the runtime's own operators. */
import { describe, expect, it } from 'vitest';
import { scalarFunction } from '../../src/quantize/scalar-functions';
import { float, GraphBuilder } from '../lib/graph';
import { outputs, value } from '../lib/runtime';

const points = Array.from({ length: 401 }, (_, i) => (i - 200) / 20);

describe('scalarFunction', () => {
  it.each<[string, number[], Parameters<GraphBuilder['node']>[3]?, string?]>([
    ...['Neg', 'Abs', 'Exp', 'Erf', 'Tanh', 'Sigmoid', 'Softplus', 'Softsign', 'Relu'].map(
      (op): [string, number[]] => [op, []],
    ),
    ...['Mish', 'HardSwish', 'Elu', 'Gelu', 'HardSigmoid', 'LeakyRelu'].map(
      (op): [string, number[]] => [op, []],
    ),
    ['HardSigmoid', [], { alpha: float(0.3), beta: float(0.4) }],
    ['LeakyRelu', [], { alpha: float(0.2) }],
    ['Elu', [], { alpha: float(0.5) }],
    ['Gelu', [], { approximate: 'tanh' }],
    ['Gelu', [], {}, 'com.microsoft'],
    ['QuickGelu', [], { alpha: float(1.5) }, 'com.microsoft'],
    ['Add', [1.5]],
    ['Sub', [1.5]],
    ['Mul', [1.5]],
    ['Div', [1.5]],
    ['Pow', [2]],
    ['Min', [0.5]],
    ['Max', [0.5]],
    ['Sum', [0.5, 2]],
    ['Clip', [-1, 2]],
  ])('%s %j %j', async (op, constants, attributes = {}, domain = '') => {
    const g = new GraphBuilder(20);
    const x = g.input('x', [points.length]);
    const names = constants.map((c, i) => g.constant(`c${i}`, [], [c]));
    g.output(g.node('y', op, [x, ...names], attributes));
    const model = g.build();
    const node = model.graph.node[0]!;
    node.domain = domain;
    if (domain) model.setDomainVersion(domain, 1);
    const { y_out: y } = await outputs(model, { x: value([points.length], points) });
    const f = scalarFunction(node)!;
    points.forEach((x, i) => {
      const exact = (y!.data as Float32Array)[i]!;
      const ours = f([x, ...constants]);
      expect(Math.abs(ours - exact)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(exact)));
    });
  });

  it('knows no operator that looks at more than one value', () => {
    const g = new GraphBuilder();
    g.output(g.node('y', 'Softmax', [g.input('x', [4])]));
    expect(scalarFunction(g.build().graph.node[0]!)).toBeNull();
  });
});
