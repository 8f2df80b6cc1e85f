import { describe, expect, it } from 'vitest';
import { diffModels } from '../../../src/analyze/diff';
import { PassContext } from '../../../src/quantize/context';
import { inlineConstants } from '../../../src/quantize/passes/inline-constants';
import { recordProvenance } from '../../../src/quantize/provenance';
import type { Model } from '../../../src/onnx';
import { float, GraphBuilder } from '../../lib/graph';
import { quantize } from '../../lib/quantize';

/** conv → bn → relu → conv2 → pool → fc; `n` renames everything. */
function net(n: (name: string) => string = (name) => name, more: { dilation?: boolean } = {}) {
  const b = new GraphBuilder();
  const w = (name: string, dims: number[]) => b.constant(n(name), dims, values(name, dims));
  b.input(n('x'), [1, 3, 16, 16]);
  const c1 = b.node(n('conv1'), 'Conv', [n('x'), w('w1', [8, 3, 3, 3])], { pads: [1, 1, 1, 1] });
  const bn = ['s', 'o', 'm', 'v'].map((name) => w(name, [8]));
  const norm = b.node(n('bn'), 'BatchNormalization', [c1, ...bn]);
  const act = b.node(n('relu'), 'Relu', [norm]);
  const pads: Record<string, number[]> = more.dilation
    ? { pads: [2, 2, 2, 2], dilations: [2, 2] }
    : { pads: [1, 1, 1, 1] };
  const c2 = b.node(n('conv2'), 'Conv', [act, w('w2', [8, 8, 3, 3])], pads);
  const pool = b.node(n('pool'), 'GlobalAveragePool', [c2]);
  const flat = b.node(n('flat'), 'Flatten', [pool]);
  const fc = b.node(n('fc'), 'Gemm', [flat, w('w3', [8, 4])]);
  return b.output(fc).build();
}

function values(name: string, dims: readonly number[]): number[] {
  const count = dims.reduce((a, c) => a * c, 1);
  return Array.from({ length: count }, (_, i) => 0.1 + ((i * 7 + name.length) % 11) / 20);
}

/** relu → clip whose bounds are Constant nodes. */
function clipped(most: number) {
  const b = new GraphBuilder();
  const act = b.node('relu', 'Relu', [b.input('x', [1, 4])]);
  const bounds = [0, most].map((value, i) =>
    b.node(`bound${i}`, 'Constant', [], { value_float: float(value) }),
  );
  return b.output(b.node('clip', 'Clip', [act, ...bounds])).build();
}

const by = (first: Model, second: Model, status: string) =>
  diffModels(first, second)
    .nodes.filter((n) => n.status === status)
    .map((n) => n.a?.name ?? n.b!.name);

describe('diffModels', () => {
  it('finds nothing between a model and itself', () => {
    const { nodes, ranges, matched } = diffModels(net(), net());
    expect(new Set(nodes.map((n) => n.status))).toEqual(new Set(['same']));
    expect(new Set(nodes.map((n) => n.matchedBy))).toEqual(new Set(['name']));
    expect([ranges, matched]).toEqual([[], 1]);
  });

  it('finds all nodes of a model in which everything has another name', () => {
    const { nodes, matched } = diffModels(
      net(),
      net((name) => `other_${name}`),
    );
    expect(new Set(nodes.map((n) => `${n.status} ${n.matchedBy}`))).toEqual(
      new Set(['same structure']),
    );
    expect(nodes.map((n) => n.b!.name)).toEqual(nodes.map((n) => `other_${n.a!.name}`));
    expect(matched).toBe(1);
  });

  it('says what changed in a node, and no more', () => {
    const { nodes } = diffModels(net(), net(undefined, { dilation: true }));
    expect(nodes.filter((n) => n.status !== 'same')).toEqual([
      {
        status: 'changed',
        a: { name: 'conv2', op: 'Conv' },
        b: { name: 'conv2', op: 'Conv' },
        matchedBy: 'name',
        changes: ['dilations not set → [2, 2]', 'pads [1, 1, 1, 1] → [2, 2, 2, 2]'],
      },
    ]);
  });

  it('says by how much a weight differs', () => {
    const other = net();
    const weight = other.graph.initializer.find((t) => t.name === 'w3')!;
    weight.rawData = weight.rawData.slice();
    new DataView(weight.rawData.buffer).setFloat32(0, 9, true);
    const [changed, ...rest] = diffModels(net(), other).nodes.filter((n) => n.status !== 'same');
    expect(rest).toEqual([]);
    expect(changed!.changes[0]).toMatch(
      /^input 1: other values of float32\[8, 4\], by up to 8\.\d+/,
    );
  });

  it('compares Constant nodes by value, as initializers are', () => {
    const [six, three] = [clipped(6), clipped(3)];
    expect(by(six, clipped(6), 'changed')).toEqual([]);
    expect(diffModels(six, three).nodes.flatMap((n) => n.changes)).toEqual([
      'input 2: other values of float32[], by up to 3.00 of 6.00',
    ]);
    // with the same values as initializers it is the same network
    const stored = clipped(6);
    inlineConstants(stored, new PassContext());
    expect(new Set(diffModels(six, stored).nodes.map((n) => n.status))).toEqual(new Set(['same']));
  });

  it('sees nodes that came and went', () => {
    const longer = net();
    const node = longer.graph.node.at(-1)!;
    const b = new GraphBuilder();
    b.node('soft', 'Softmax', [node.output[0]!]);
    longer.graph.node.push(b.build().graph.node[0]!);
    expect(by(net(), longer, 'added')).toEqual(['soft']);
    expect(by(longer, net(), 'removed')).toEqual(['soft']);
  });

  it('lays a quantized model beside its source by what it recorded', async () => {
    const source = net();
    const quantized = await quantize(source);
    recordProvenance(quantized.model, source, quantized.prepared, quantized.context);
    const { nodes, ranges, matched } = diffModels(source, quantized.model);
    const of = (name: string) => nodes.find((n) => n.a?.name === name)!;
    expect(of('bn')).toMatchObject({ status: 'folded', b: { name: 'conv1' } });
    expect(of('relu')).toMatchObject({ status: 'folded', b: { name: 'conv1' } });
    expect(of('conv1')).toMatchObject({ status: 'changed', matchedBy: 'recorded' });
    expect(of('conv1').changes).toContain('input 1: float32[8, 3, 3, 3] → int8[8, 3, 3, 3]');
    // what reads the folded Relu reads its host
    expect(of('conv2').changes.filter((c) => c.startsWith('input 0'))).toEqual([]);
    expect(nodes.filter((n) => n.status === 'added' || n.status === 'removed')).toEqual([]);
    expect(matched).toBe(1);
    const input = ranges.find((r) => r.tensor === 'x')!;
    expect(input.a).toBeNull();
    expect(input.b).toMatchObject({ type: 'uint8', role: 'activation' });
    expect(diffModels(quantized.model, quantized.model).ranges).toEqual([]);
  });
});
