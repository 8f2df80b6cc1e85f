import { describe, expect, it } from 'vitest';
import { checkTensorRt } from '../../src/analyze/rules/tensorrt';
import { inferShapes } from '../../src/onnx/shapes';
import { PassContext } from '../../src/quantize/context';
import { placeFor } from '../../src/quantize/place-for';
import { writeQdq } from '../../src/quantize/qdq';
import { listUnits } from '../../src/quantize/units';
import { GraphBuilder, printGraph } from '../lib/graph';

function written(build: (g: GraphBuilder, x: string) => string, keep: string[] = []) {
  const g = new GraphBuilder();
  const model = g.output(build(g, g.input('x', [1, 4, 8, 8]))).build();
  const shapes = inferShapes(model);
  const typeOf = (t: string) => shapes.get(t)?.type;
  const units = listUnits(model, new PassContext(), typeOf);
  const placement = placeFor('tensorrt', model, units, { keep: new Set(keep) }, typeOf);
  const { model: qdq } = writeQdq(
    model,
    placement,
    () => ({ scale: 0.1, zeroPoint: 0 }),
    { type: 'int8' },
    () => ({ granularity: 'channel', bits: 8, floatBias: true }),
  );
  return { qdq, decided: placement.units.map((u) => `${u.unit.name}: ${u.reason ?? 'int8'}`) };
}

const conv = (g: GraphBuilder, name: string, x: string, biased = false) =>
  g.node(name, 'Conv', [
    x,
    g.random(`${name}_w`, [4, 4, 1, 1]),
    ...(biased ? [g.random(`${name}_b`, [4])] : []),
  ]);

/** conv → relu → conv, plus the skip, → relu → pool → flatten → gemm. */
function residual(g: GraphBuilder, x: string): string {
  const first = g.node('r1', 'Relu', [conv(g, 'c1', x, true)]);
  const sum = g.node('add', 'Add', [conv(g, 'c2', first), first]);
  const pooled = g.node('gap', 'GlobalAveragePool', [g.node('r2', 'Relu', [sum])]);
  const flat = g.node('flat', 'Flatten', [pooled]);
  return g.node('fc', 'Gemm', [flat, g.random('fc_w', [4, 3]), g.random('fc_b', [3])]);
}

describe('placeTensorRt', () => {
  it('quantizes what layers read, the skip of a residual, and nothing behind a layer', () => {
    const { qdq, decided } = written(residual);
    expect(decided).toEqual(['c1: int8', 'c2: int8', 'add: int8', 'gap: int8', 'fc: int8']);
    expect(printGraph(qdq)).toBe(
      `
(x float32[1,4,8,8])
x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:int8[])
x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:int8[])
c1.weight_dequantized = DequantizeLinear(c1_w_quantized:int8[4,4,1,1], c1_w_scale[4], c1_w_zero_point:int8[4]) {axis=0}
c1: c1_out = Conv(x_dequantized, c1.weight_dequantized, c1_b[4])
r1: r1_out = Relu(c1_out)
r1_out_quantized = QuantizeLinear(r1_out, r1_out_scale[], r1_out_zero_point:int8[])
r1_out_dequantized = DequantizeLinear(r1_out_quantized, r1_out_scale[], r1_out_zero_point:int8[])
c2.weight_dequantized = DequantizeLinear(c2_w_quantized:int8[4,4,1,1], c2_w_scale[4], c2_w_zero_point:int8[4]) {axis=0}
c2: c2_out = Conv(r1_out_dequantized, c2.weight_dequantized)
add: add_out = Add(c2_out, r1_out_dequantized)
r2: r2_out = Relu(add_out)
r2_out_quantized = QuantizeLinear(r2_out, r2_out_scale[], r2_out_zero_point:int8[])
r2_out_dequantized = DequantizeLinear(r2_out_quantized, r2_out_scale[], r2_out_zero_point:int8[])
gap: gap_out = GlobalAveragePool(r2_out_dequantized)
flat: flat_out = Flatten(gap_out)
flat_out_quantized = QuantizeLinear(flat_out, flat_out_scale[], flat_out_zero_point:int8[])
flat_out_dequantized = DequantizeLinear(flat_out_quantized, flat_out_scale[], flat_out_zero_point:int8[])
fc.weight_dequantized = DequantizeLinear(fc_w_quantized:int8[4,3], fc_w_scale[3], fc_w_zero_point:int8[3]) {axis=1}
fc: fc_out = Gemm(flat_out_dequantized, fc.weight_dequantized, fc_b[3])
→ fc_out`.trim(),
    );
    expect(checkTensorRt(qdq).filter((f) => f.severity !== 'info')).toEqual([]);
  });

  it('takes one of two convolutions as the skip', () => {
    const { qdq, decided } = written((g, x) => {
      const sum = g.node('add', 'Add', [conv(g, 'c1', x), conv(g, 'c2', x)]);
      return conv(g, 'c3', g.node('r', 'Relu', [sum]));
    });
    expect(decided).toEqual(['c1: int8', 'c2: int8', 'add: int8', 'c3: int8']);
    expect(printGraph(qdq)).toMatch(/Add\(c1_out, c2_out_dequantized\)/);
    expect(checkTensorRt(qdq).filter((f) => f.severity !== 'info')).toEqual([]);
  });

  it('leaves a kept layer, and what only it reads, in float', () => {
    const { qdq, decided } = written(residual, ['c2']);
    expect(decided[1]).toBe('c2: kept in FP32 by the recipe');
    expect(printGraph(qdq)).toMatch(/c2_out = Conv\(r1_out, c2_w/);
    expect(checkTensorRt(qdq).filter((f) => f.severity === 'error')).toEqual([]);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string, string]>([
    [
      'a pool that no integer layer reads',
      (g, x) => g.node('p', 'AveragePool', [x], { kernel_shape: [2, 2] }),
      'p: no integer layer reads its result',
    ],
    ['a Sigmoid', (g, x) => g.node('s', 'Sigmoid', [x]), 's: TensorRT fuses Sigmoid'],
    [
      'a computed weight',
      (g, x) => g.node('m', 'MatMul', [x, g.node('t', 'Transpose', [x])]),
      'm: both sides are computed',
    ],
  ])('says why not: %s', (_, build, reason) => {
    expect(written(build).decided.at(-1)!.slice(0, reason.length)).toBe(reason);
  });
});
