/** A recipe with mode weight-only, from file to verdict, on a small language model with a tied embedding. */
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { create } from '@bufbuild/protobuf';
import { AttributeType, loadModel, serializeModel, type Model } from '../../src/onnx';
import { AttributeProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { npy, temporaryFolder } from '../lib/files';
import { countOps, GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';

const folder = temporaryFolder();
const [VOCABULARY, WIDTH, LENGTH] = [50, 64, 8];

/** Embedding, two blocks of Gemm with Tanh, a Conv over positions, and a small output layer. */
function languageModel(opset = 21) {
  const g = new GraphBuilder(opset, opset >= 21 ? 10 : 8);
  const ids = g.input('ids', [1, LENGTH], 'int64');
  const e = g.node('embed', 'Gather', [g.random('table', [VOCABULARY, WIDTH]), ids]);
  const up = g.node('up', 'MatMul', [e, g.random('up.w', [WIDTH, 256], 0.2)]);
  const t = g.node('tanh', 'Tanh', [g.node('up.bias', 'Add', [up, g.random('up.b', [256], 0.1)])]);
  const down = g.node('down', 'MatMul', [t, g.random('down.w', [256, WIDTH], 0.2)]);
  const turned = g.node('turn', 'Transpose', [down], { perm: [0, 2, 1] });
  const conv = g.node('conv', 'Conv', [turned, g.random('conv.w', [WIDTH, WIDTH, 1], 0.2)]);
  const back = g.node('back', 'Transpose', [conv], { perm: [0, 2, 1] });
  g.output(g.node('head', 'MatMul', [back, g.random('head.w', [WIDTH, 20], 0.5)], {}, ['scores']));
  return g.build();
}

function project(name: string, changes: object = {}, opset = 21) {
  const at = (file: string) => folder.at(name, file);
  folder.put(`${name}/net.onnx`, serializeModel(languageModel(opset)));
  const ids = BigInt64Array.from({ length: 12 * LENGTH }, (_, i) => BigInt((i * 17) % VOCABULARY));
  folder.put(`${name}/ids.npy`, npy([12, 1, LENGTH], ids));
  const recipe = {
    model: 'net.onnx',
    target: 'x86-vnni',
    quantization: { mode: 'weight-only' },
    evaluate: { data: 'ids.npy' },
    latency: { pairs: 3, seconds: 0.05 },
    sensitivity: { samples: 4 },
    ...changes,
  };
  folder.put(`${name}/net.quant.yaml`, stringify(recipe));
  return { at, recipePath: at('net.quant.yaml') };
}

/** A graph as an attribute. */
const body = ({ graph }: Model) =>
  create(AttributeProtoSchema, { type: AttributeType.GRAPH, g: graph });

const byLayer = <T>(layers: readonly { name: string }[], of: (l: never) => T) =>
  Object.fromEntries(layers.map((l) => [l.name, of(l as never)]));
type Row = { precision: string; executed: string | null; reason: string | null };

describe('mode weight-only', () => {
  it('goes the whole way', async () => {
    const { recipePath, at } = project('whole');
    const { result, stages } = await run(recipePath);
    expect(stages).not.toContain('calibrate');
    expect(result.output).toBe(at('net.int4.onnx'));
    expect(result.mode).toBe('weight-only');
    expect(byLayer(result.layers, (l: Row) => [l.precision, l.executed])).toMatchObject({
      embed: ['int8', 'int8'], // a table
      up: ['int4', 'int4'],
      down: ['int4', 'int4'],
      conv: ['float32', 'float32'],
      head: ['int8', 'int8'], // small, and what comes last
    });
    expect(byLayer(result.layers, (l: Row) => l.reason).conv).toContain('mode: static');
    expect(result.sqnrDb.scores).toBeGreaterThan(14);
    // errors of each layer, and what each does to the output
    for (const layer of result.layers.filter((l) => l.precision !== 'float32')) {
      const least = layer.precision === 'int4' ? 17 : 35;
      expect(layer.local!.sqnrDb, layer.name).toBeGreaterThan(least);
      expect(layer.local!.sqnrDb, layer.name).toBeLessThan(least + 30);
      expect(layer.accumulated!.sqnrDb, layer.name).toBeGreaterThan(12);
      expect(layer.onlyThisDb, layer.name).toBeGreaterThan(14);
    }
    const shares = result.layers.map((l) => l.noiseShare ?? 0);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(result.layers.find((l) => l.name === 'up')!.costsDb).toBeGreaterThan(0);
    expect(result.latency!.pairs).toBeGreaterThanOrEqual(3);
    // bytes by cause
    const { parts, int8 } = result.size!;
    expect(int8).toBe(statSync(at('net.int4.onnx')).size);
    const bytes = Object.fromEntries(parts.map((p) => [p.what, p.bytes]));
    const between = (what: string, low: number, high: number) => {
      expect(bytes[what], what).toBeGreaterThanOrEqual(low);
      expect(bytes[what], what).toBeLessThan(high);
    };
    between('INT4 weights', WIDTH * 256, WIDTH * 256 + 100);
    between('INT8 weights', (VOCABULARY + 20) * WIDTH, (VOCABULARY + 20) * WIDTH + 100);
    between('scales and zero points', 1000 * 4 + 1000 / 2, 1500 * 5);
    between('float weights', 4 * WIDTH * WIDTH, 4 * WIDTH * WIDTH + 4 * 256 + 100);
    // what the file needs
    expect(result.load!.contribOps).toEqual([
      'com.microsoft.GatherBlockQuantized',
      'com.microsoft.MatMulNBits',
    ]);
    expect(result.load!.runtime).toBe('onnxruntime ≥ 1.23');
    const written = await loadModel(at('net.int4.onnx'));
    expect(written.metadata('vernier.weights')).toBe('uint4 block 32 rtn matmul-nbits');
    expect(written.metadata('vernier.mode')).toBe('weight-only');
  });

  it('keeps what the recipe keeps, and gives single layers their own type', async () => {
    const { recipePath, at } = project('layers', {
      quantization: { mode: 'weight-only', weights: { type: 'int4', block: 16 } },
      keep_fp32: ['down'],
      layers: [
        { match: 'up', weights: 'uint8' },
        { match: { op: 'Gather' }, weights: 'int4' },
      ],
    });
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(byLayer(result.layers, (l: Row) => [l.precision, l.executed])).toMatchObject({
      embed: ['int4', 'int4'],
      up: ['int8', 'int8'],
      down: ['float32', 'float32'],
    });
    const written = await loadModel(at('net.int4.onnx'));
    expect(countOps(written)).toMatchObject({ MatMulNBits: 2, GatherBlockQuantized: 1, MatMul: 1 });
    expect(result.notes.map((n) => n.code)).not.toContain('no-effect');
  });

  it('writes plain ONNX for target onnx, from any opset', async () => {
    const { recipePath, at } = project('qdq', { target: 'onnx' }, 13);
    const { result } = await run(recipePath);
    const written = await loadModel(at('net.int4.onnx'));
    expect(written.opset).toBe(21);
    expect(countOps(written)).toMatchObject({ DequantizeLinear: 4 });
    expect(written.domainVersion('com.microsoft')).toBe(1); // the source imports it
    expect(written.graph.node.filter((n) => n.domain !== '')).toEqual([]);
    expect(byLayer(result.layers, (l: Row) => l.executed)).toMatchObject({
      embed: 'int8',
      up: 'int4',
      down: 'int4',
      head: 'int8',
    });
    expect(result.load!.contribOps).toEqual([]);
    expect(result.load!.opset).toBe(21);
    expect(result.sqnrDb.scores).toBeGreaterThan(14);
    const bytes = Object.fromEntries(result.size!.parts.map((p) => [p.what, p.bytes]));
    expect(bytes['INT4 weights']).toBeGreaterThanOrEqual(WIDTH * 256);
    expect(bytes['INT8 weights']).toBeGreaterThanOrEqual((VOCABULARY + 20) * WIDTH);
    expect(bytes['INT8 weights']).toBeLessThan((VOCABULARY + 20) * WIDTH + 200);
  });

  it('says why where nothing can be packed', async () => {
    const g = new GraphBuilder();
    g.output(g.node('conv', 'Conv', [g.input('x', [1, 3, 8, 8]), g.random('w', [4, 3, 3, 3])]));
    folder.put('none/net.onnx', serializeModel(g.build()));
    folder.put(
      'none/r.yaml',
      stringify({ model: 'net.onnx', quantization: { mode: 'weight-only' } }),
    );
    await expect(run(folder.at('none/r.yaml'))).rejects.toMatchObject({
      code: 'model.nothing-to-quantize',
      place: { node: 'conv' },
    });
  });

  it.each(['x86-vnni', 'onnx'])(
    'packs weights inside If, Loop and Scan too: %s',
    async (target) => {
      const inner = new GraphBuilder(21, 10);
      inner.output(inner.node('inner', 'MatMul', ['x', 'w'])); // the weight is the outer layer's
      const other = new GraphBuilder(21, 10);
      other.output(other.node('same', 'Identity', ['x']));
      const g = new GraphBuilder(21, 10);
      const x = g.input('x', [1, 64]);
      const condition = g.input('c', [], 'bool');
      const y = g.node('if', 'If', [condition], {
        then_branch: body(inner.build()),
        else_branch: body(other.build()),
      });
      g.output(g.node('m', 'MatMul', [y, g.random('w', [64, 64])]));
      g.output(g.node('n', 'Neg', [x]));
      folder.put(`if-${target}/net.onnx`, serializeModel(g.build()));
      const recipe = { model: 'net.onnx', target, quantization: { mode: 'weight-only' } };
      folder.put(`if-${target}/r.yaml`, stringify(recipe));
      const { result } = await run(folder.at(`if-${target}/r.yaml`), { until: 'quantize' });
      const written = await loadModel(folder.at(`if-${target}/net.int4.onnx`));
      expect(written.graph.initializer.filter((t) => t.name.includes('quantized'))).toHaveLength(1);
      expect(byLayer(result.layers, (l: Row) => l.executed)).toMatchObject({
        m: 'int4',
        // the runtime does not load such a DequantizeLinear
        'if/then/inner': target === 'onnx' ? 'float32' : 'int4',
      });
      const { reason } = result.layers.find((l) => l.name === 'if/then/inner')!;
      if (target === 'onnx') expect(reason).toContain('form: matmul-nbits');
      else expect(reason).toBeNull();
      expect(result.verification!.worstDb).toBeGreaterThan(15);
    },
  );
});
