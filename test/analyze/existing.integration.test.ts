/** What a quantized file says of its own scales. */
import { describe, expect, it } from 'vitest';
import { existingQuantization } from '../../src/analyze/existing';
import { serializeModel } from '../../src/onnx';
import { optimizedGraph } from '../../src/runtime/optimized';
import { GraphBuilder } from '../lib/graph';
import { quantize } from '../lib/quantize';

function network() {
  const g = new GraphBuilder();
  const x = g.input('x', [1, 3, 6, 6]);
  const c = g.node('conv', 'Conv', [x, g.random('w', [4, 3, 3, 3]), g.random('b', [4])]);
  const p = g.node('pool', 'GlobalAveragePool', [g.node('relu', 'Relu', [c])]);
  const f = g.node('flat', 'Flatten', [p]);
  g.output(g.node('fc', 'Gemm', [f, g.random('v', [4, 2]), g.random('d', [2])]));
  return g.build();
}

describe('existingQuantization', () => {
  it('is null for a model of floats', () => {
    expect(existingQuantization(network())).toBeNull();
  });

  it('tells the scales of Q/DQ as they were written', async () => {
    const q = await quantize(network());
    const found = existingQuantization(q.model)!;
    expect(found.formats).toEqual(['qdq']);
    const row = (tensor: string) => found.tensors.find((t) => t.tensor === tensor);
    const { scale, zeroPoint } = q.params.get('relu_out')!;
    expect(row('relu_out')).toMatchObject({
      role: 'activation',
      type: 'uint8',
      scale,
      zeroPoint,
      min: 0,
      producer: 'conv',
      consumers: ['pool'],
    });
    const scales = q.weightScales.get('conv')!;
    expect(row('w_quantized')).toMatchObject({
      role: 'weight',
      type: 'int8',
      scale: null,
      axis: 0,
      scales: { count: 4, min: Math.min(...scales), max: Math.max(...scales) },
      consumers: ['conv'],
    });
    expect(found.tensors.filter((t) => t.role === 'bias').map((t) => t.type)).toEqual([
      'int32',
      'int32',
    ]);
  });

  it('tells the same of the integer operators that the runtime makes of it', async () => {
    const q = await quantize(network());
    const integer = await optimizedGraph(serializeModel(q.model), { optimization: 'extended' });
    const found = existingQuantization(integer)!;
    expect(found.formats).toContain('integer');
    const weights = found.tensors.filter((t) => t.role === 'weight');
    expect(weights.map((t) => t.scales?.count)).toEqual([4, 2]);
    const scales = [...q.params.values()].map(({ scale }) => scale);
    const activations = found.tensors.filter((t) => t.role === 'activation');
    expect(activations.length).toBeGreaterThan(2);
    for (const { scale } of activations) expect(scales).toContain(scale);
  });

  it('knows weights alone, and activations quantized while it runs', () => {
    const g = new GraphBuilder(17);
    g.node('dq', 'DynamicQuantizeLinear', [g.input('x', [1, 4])], {}, ['q', 's', 'z']);
    g.node('mm', 'MatMulInteger', ['q', 'w', 'z'], {}, ['y']);
    g.random('w', [4, 4]);
    expect(existingQuantization(g.output('y').build())?.formats).toEqual(['dynamic', 'integer']);
  });
});
