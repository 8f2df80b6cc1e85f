/** Weights stored as bfloat16. */
import { describe, expect, it } from 'vitest';
import { fromBfloat16, toBfloat16 } from '../../../src/numeric';
import { serializeModel, tensorType, type Model } from '../../../src/onnx';
import { flawsOf } from '../../../src/onnx/check-written';
import { storeAsBfloat16 } from '../../../src/quantize/float16/bfloat16';
import { because } from '../../../src/quantize/float16/reasons';
import { Session } from '../../../src/runtime/session';
import { GraphBuilder, nodeOf, printGraph, randomValues } from '../../lib/graph';
import { output, randomFeed, relativeDifference } from '../../lib/runtime';
import { floats, graph, model, op } from '../../onnx/build';

const nothing = new Map();

function network(): Model {
  const g = new GraphBuilder();
  g.node('embed', 'Gather', [g.random('table', [16, 8]), g.input('ids', [4], 'int64')]);
  g.node('norm', 'Mul', ['embed_out', g.random('scale', [4, 8])]);
  g.node('fc1', 'Gemm', ['norm_out', g.random('w1', [8, 8]), g.random('b1', [8])]);
  g.node('fc2', 'MatMul', ['fc1_out', g.random('w2', [8, 3])], {}, ['y']);
  return g.output('y').build();
}

const ids = { ids: { type: 'int64', dims: [4], data: BigInt64Array.of(1n, 5n, 9n, 15n) } } as const;

describe('weights as bfloat16', () => {
  it('stand behind a Cast, tables before it; the rest stays float32', async () => {
    const before = network();
    const { model: after, stored, reasons } = storeAsBfloat16(before, nothing);
    expect(printGraph(after)).toMatchInlineSnapshot(`
      "(ids int64[4])
      embed: embed_out_bfloat16 = Gather(table_bfloat16:bfloat16[16,8], ids)
      embed_out_bfloat16/Cast: embed_out = Cast(embed_out_bfloat16) {to=1}
      norm: norm_out = Mul(embed_out, scale[4,8])
      w1_bfloat16/Cast: w1 = Cast(w1_bfloat16:bfloat16[8,8]) {to=1}
      fc1: fc1_out = Gemm(norm_out, w1, b1[8])
      w2_bfloat16/Cast: w2 = Cast(w2_bfloat16:bfloat16[8,3]) {to=1}
      fc2: y = MatMul(fc1_out, w2)
      → y"
    `);
    expect([...stored]).toEqual(['embed', 'fc1', 'fc2']);
    expect([...reasons].map(([n, r]) => `${n} ${r.code}`)).toEqual(['norm weight-small']);
    expect(flawsOf(after, before)).toEqual([]);
    const [a, b] = [await output(after, ids), await output(before, ids)];
    expect(relativeDifference(a, b)).toBeLessThan(0.02);
    expect(a).not.toEqual(b);
  });

  it('are the nearest, ties to even', async () => {
    const weights = randomValues(9, 'w');
    const g = new GraphBuilder();
    g.node('fc', 'MatMul', [g.input('x', [3, 3]), g.constant('w', [3, 3], weights)], {}, ['y']);
    const { model: after } = storeAsBfloat16(g.output('y').build(), nothing);
    const x = {
      x: { type: 'float32', dims: [3, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1) },
    } as const;
    expect([...(await output(after, x))]).toEqual(
      Array.from(weights, (w) => fromBfloat16(toBfloat16(w))),
    );
  });

  it('stay float32 where a layer is kept, a weight is read otherwise, or is too large', () => {
    const keep = new Map([['fc1', because('kept', 'kept')]]);
    const kept = storeAsBfloat16(network(), keep);
    expect([...kept.stored]).toEqual(['embed', 'fc2']);
    expect(kept.reasons.get('fc1')!.code).toBe('kept');
    const g = new GraphBuilder();
    g.constant('w', [2, 2], [1, 2, 3, -3.4028234663852886e38]);
    g.node('fc', 'MatMul', [g.input('x', [2, 2]), 'w'], {}, ['y']);
    const large = storeAsBfloat16(g.output('y').build(), nothing);
    expect(large.stored.size).toBe(0);
    expect(large.reasons.get('fc')!.code).toBe('weight-range');
  });

  it('of bodies are stored too', async () => {
    const branch = (name: string) =>
      graph({
        nodes: [op('MatMul', ['x', `${name}_w`], [`${name}_y`])],
        initializers: [floats(`${name}_w`, [4, 4])],
        outputs: { [`${name}_y`]: [2, 4] },
      });
    const before = model({
      inputs: { x: [2, 4], yes: { type: 'bool', shape: [] } },
      outputs: { y: [2, 4] },
      nodes: [
        op('If', ['yes'], ['y'], { then_branch: branch('t'), else_branch: branch('e') }, 'if'),
      ],
    });
    const { model: after } = storeAsBfloat16(before, nothing);
    const inner = nodeOf(after, 'if').attribute.map((a) =>
      a.g!.initializer.map((t) => tensorType(t)),
    );
    expect(inner).toEqual([['bfloat16'], ['bfloat16']]);
    const feed = {
      ...randomFeed(before),
      yes: { type: 'bool', dims: [], data: Uint8Array.of(1) },
    } as const;
    expect(relativeDifference(await output(after, feed), await output(before, feed))).toBeLessThan(
      0.02,
    );
  });

  it('because the runtime multiplies no bfloat16: a MatMul of two does not load', async () => {
    const g = new GraphBuilder();
    g.node('down', 'Cast', [g.input('x', [2, 2])], { to: 16 });
    g.node('product', 'MatMul', ['down_out', 'down_out']);
    g.node('up', 'Cast', ['product_out'], { to: 1 }, ['y']);
    await expect(Session.open(serializeModel(g.output('y').build()))).rejects.toMatchObject({
      code: 'model.does-not-load',
    });
  });
});
