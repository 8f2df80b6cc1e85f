import { describe, expect, it } from 'vitest';
import { byteBudget } from '../../src/analyze/byte-budget';
import { loadAdvice } from '../../src/analyze/load-advice';
import { makeInt, makeNode, makeTensor, serializeModel } from '../../src/onnx';
import { constant, graph } from './graph';

function written() {
  const dq = (name: string, axis: string[]) =>
    makeNode({ opType: 'DequantizeLinear', inputs: [name, ...axis], outputs: [`${name}.f`] });
  const model = graph({
    nodes: [
      makeNode({ opType: 'QuantizeLinear', inputs: ['it', 's', 'z'], outputs: ['q'] }),
      dq('q', ['s', 'z']),
      dq('w', ['s', 'zw']),
      dq('bias', ['s', 'zb']),
      makeNode({ opType: 'Conv', inputs: ['q.f', 'w.f', 'bias.f'], outputs: ['c'] }),
      makeNode({ opType: 'Conv', inputs: ['c', 'kept', 'kept.bias'], outputs: ['y'] }),
    ],
    inputs: { it: [1, 4, 2, 2] },
    outputs: { y: null },
    initializers: [
      makeTensor('w', 'int8', [4, 4, 1, 1], new Int8Array(16)),
      makeTensor('bias', 'int32', [4], new Int32Array(4)),
      constant('kept', [4, 4, 1, 1]),
      constant('kept.bias', [4]),
      constant('s', []),
      makeTensor('z', 'uint8', [], new Uint8Array(1)),
      makeTensor('zw', 'int8', [], new Int8Array(1)),
      makeTensor('zb', 'int32', [], new Int32Array(1)),
    ],
  });
  model.setMetadata('vernier.mode', 'static');
  return model;
}

describe('byteBudget', () => {
  it('adds up to the file', () => {
    const model = written();
    const bytes = serializeModel(model).length;
    const budget = byteBudget(1000, model, bytes);
    const of = (what: string) => budget.parts.find((p) => p.what === what)?.bytes ?? 0;
    expect(budget.parts.reduce((n, p) => n + p.bytes, 0)).toBe(bytes);
    expect(of('INT8 weights')).toBe(16 + 'w'.length);
    expect(of('float weights')).toBe(64 + 'kept'.length);
    expect(of('biases')).toBe(32 + 'bias'.length + 'kept.bias'.length);
    expect(of('scales and zero points')).toBe(4 + 1 + 1 + 4 + 's'.length + 'z'.length + 4);
    expect(of('metadata')).toBe('vernier.mode'.length + 'static'.length);
    expect(of('nodes')).toBeGreaterThan(50);
  });
});

/** Packed weights: MatMulNBits and GatherBlockQuantized on one table, scales in other shapes; codes gathered before they are dequantized. */
function packed(bits: 4 | 8) {
  const ms = 'com.microsoft';
  return graph({
    nodes: [
      makeNode({ opType: 'Reshape', inputs: ['s', 'shape'], outputs: ['s.rows'] }),
      makeNode({
        opType: 'GatherBlockQuantized',
        domain: ms,
        inputs: ['table', 'ids', 's.rows'],
        outputs: ['e'],
        attributes: [makeInt('bits', bits)],
      }),
      makeNode({
        opType: 'MatMulNBits',
        domain: ms,
        inputs: ['e', 'table', 's', '', '', 'b'],
        outputs: ['y'],
        attributes: [makeInt('bits', bits)],
      }),
      makeNode({ opType: 'Gather', inputs: ['codes', 'ids'], outputs: ['c'] }),
      makeNode({ opType: 'Gather', inputs: ['cs', 'ids'], outputs: ['cs.rows'] }),
      makeNode({ opType: 'DequantizeLinear', inputs: ['c', 'cs.rows'], outputs: ['z'] }),
    ],
    inputs: { ids: [1] },
    outputs: { y: null, z: null },
    initializers: [
      makeTensor('table', 'uint8', [4, 2, 16], new Uint8Array(128)),
      constant('s', [8]),
      constant('b', [4]),
      makeTensor('shape', 'int64', [3], new BigInt64Array(3)),
      makeTensor('codes', 'int8', [4, 32], new Int8Array(128)),
      constant('cs', [4, 1]),
    ],
  });
}

describe('packed weights', () => {
  it.each([4, 8] as const)('%i bits are told from float, and their scales from weights', (bits) => {
    const model = packed(bits);
    const budget = byteBudget(1000, model, serializeModel(model).length);
    const of = (what: string) => budget.parts.find((p) => p.what === what)?.bytes ?? 0;
    const table = 128 + 'table'.length;
    const codes = 128 + 'codes'.length;
    expect(of('INT4 weights')).toBe(bits === 4 ? table : 0);
    expect(of('INT8 weights')).toBe(bits === 4 ? codes : table + codes);
    expect(of('scales and zero points')).toBe(4 * 8 + 's'.length + 4 * 4 + 'cs'.length);
    expect(of('biases')).toBe(4 * 4 + 'b'.length);
    expect(of('float weights')).toBe(0);
  });

  it.each<[string, 4 | 8, string]>([
    ['MatMulNBits', 4, 'onnxruntime ≥ 1.17'],
    ['MatMulNBits', 8, 'onnxruntime ≥ 1.22'],
    ['GatherBlockQuantized', 4, 'onnxruntime ≥ 1.23'],
    ['GatherBlockQuantized', 8, 'onnxruntime ≥ 1.23'],
  ])('%s of %i bits wants %s', (opType, bits, runtime) => {
    const model = packed(bits);
    model.graph.node = model.graph.node.filter((n) => n.opType === opType);
    model.setDomainVersion('', 13);
    model.proto.irVersion = 7n;
    expect(loadAdvice(model, 'm.onnx').runtime).toBe(runtime);
  });
});

describe('loadAdvice', () => {
  it.each<[number, number, string]>([
    [13, 7, 'onnxruntime ≥ 1.8'],
    [13, 8, 'onnxruntime ≥ 1.9'],
    [17, 8, 'onnxruntime ≥ 1.12'],
    [18, 10, 'onnxruntime ≥ 1.18'],
    [21, 10, 'onnxruntime ≥ 1.18'],
    [99, 99, 'onnxruntime ≥ 1.24'],
  ])('opset %i in IR %i wants %s', (opset, ir, runtime) => {
    const model = written();
    model.setDomainVersion('', opset);
    model.proto.irVersion = BigInt(ir);
    expect(loadAdvice(model, 'out/m.onnx')).toMatchObject({ opset, irVersion: ir, runtime });
  });

  it('gives lines with names that are safe in each language', () => {
    const model = graph({
      nodes: [
        makeNode({
          opType: 'DynamicQuantizeMatMul',
          domain: 'com.microsoft',
          inputs: ["it's"],
          outputs: ['y'],
        }),
      ],
      inputs: { "it's": [1] },
      outputs: { y: null },
    });
    const advice = loadAdvice(model, "/some/where/o'clock.onnx");
    expect(advice.contribOps).toEqual(['com.microsoft.DynamicQuantizeMatMul']);
    expect(advice.python).toContain(`ort.InferenceSession("o'clock.onnx"`);
    expect(advice.python).toContain(`{"it's": it_s}`);
    expect(advice.node).toContain(`create('o\\'clock.onnx')`);
    expect(advice.cpp).toContain(`ORT_TSTR("o'clock.onnx")`);
    expect(advice.python).not.toContain('/some/where');
  });
});
