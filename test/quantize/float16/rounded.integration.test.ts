/** What the CPU provider does not round, and the model that makes it. */
import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../../src/numeric';
import { serializeModel, type Model } from '../../../src/onnx';
import { convertToFloat16 } from '../../../src/quantize/float16/convert';
import { withRounding } from '../../../src/quantize/float16';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { output, value } from '../../lib/runtime';
import { floats, graph, model, op } from '../../onnx/build';

const half = (x: number) => fromHalf(toHalf(x));
const x = randomValues(512, 'x', -3, 3);
const feed = { x: value([512], x) };

/** Four products in a row: float32 computes each exactly enough that rounding its result is rounding the truth. */
function products(): Model {
  const g = new GraphBuilder();
  let name = g.input('x', [512]);
  for (const [i, w] of [1.1, 0.7, 1.3, 0.9].entries())
    name = g.node(`mul${i}`, 'Mul', [name, g.constant(`w${i}`, [], [w])]);
  g.node('last', 'Relu', [name], {}, ['y']);
  return convertToFloat16(g.output('y').build(), { keepIo: true }).model;
}

const rounded = Float32Array.from(x, (v) =>
  Math.max(
    0,
    [1.1, 0.7, 1.3, 0.9].reduce((p, w) => half(Math.fround(p * half(w))), half(v)),
  ),
);
const unrounded = Float32Array.from(x, (v) =>
  Math.max(
    0,
    [1.1, 0.7, 1.3, 0.9].reduce((p, w) => Math.fround(p * half(w)), v),
  ),
);

describe('float16 on the CPU provider', () => {
  it('is never rounded between its float32 kernels', async () => {
    expect(await output(products(), feed)).toEqual(unrounded);
  });

  it('is rounded value by value in the model for judging', async () => {
    expect(await output(withRounding(products()), feed)).toEqual(rounded);
    expect(rounded).not.toEqual(unrounded);
  });

  it('keeps its barriers through optimization', async () => {
    const before = withRounding(products());
    const count = before.graph.node.filter((n) => n.opType === 'Max').length;
    const optimized = await optimizedGraph(serializeModel(before));
    expect(optimized.graph.node.filter((n) => n.opType === 'Max').length).toBe(count);
  });

  it('is rounded inside bodies too', async () => {
    const body = (name: string) =>
      graph({
        nodes: [op('Mul', ['h', 'w'], [`${name}_a`]), op('Mul', [`${name}_a`, 'w'], [`${name}_y`])],
        outputs: { [`${name}_y`]: [512] },
      });
    const before = model({
      inputs: { x: [512], yes: { type: 'bool', shape: [] } },
      outputs: { y: [512] },
      nodes: [
        op('Relu', ['x'], ['h'], {}, 'relu'),
        op('If', ['yes'], ['y'], { then_branch: body('t'), else_branch: body('e') }, 'if'),
      ],
      initializers: [floats('w', [], [1.1])],
    });
    const after = withRounding(convertToFloat16(before, { keepIo: true }).model);
    const y = await output(after, {
      ...feed,
      yes: { type: 'bool', dims: [], data: Uint8Array.of(1) },
    });
    const w16 = half(1.1);
    expect(y).toEqual(
      Float32Array.from(x, (v) =>
        half(Math.fround(half(Math.fround(half(Math.max(0, v)) * w16)) * w16)),
      ),
    );
  });
});
