/** The whole way in float16: from the recipe to the result. */
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModel, serializeModel, tensorType, valueType } from '../../src/onnx';
import { flawsOf } from '../../src/onnx/check-written';
import type { RunResult } from '../../src/results';
import { temporaryFolder, npy } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';
import { classifier, project } from '../lib/project';

const folder = temporaryFolder();
const codes = ({ notes }: RunResult) => notes.map((n) => n.code);

describe('mode float16', () => {
  it('writes, measures, and says that it is size only here', { timeout: 60_000 }, async () => {
    const p = await project(folder, 'plain');
    p.write({ output: undefined, quantization: { mode: 'float16' } });
    const { result, stages } = await run(p.recipePath);
    expect(result).toMatchObject({ mode: 'float16', output: p.at('net.float16.onnx') });
    expect(result.layers.map((l) => l.precision)).toEqual(
      Array(result.layers.length).fill('float16'),
    );
    expect(new Set(result.layers.map((l) => l.executed))).toEqual(new Set(['float32']));
    expect(result.layers.every((l) => l.reason !== null)).toBe(true);
    expect(codes(result)).toContain('float16-size-only');
    expect(codes(result)).not.toContain('float16-ranges-unchecked');
    expect(result.calibration?.samples).toBeGreaterThan(0);
    expect(result.sqnrDb['scores']).toBeGreaterThan(60);
    const [rounded] = result.rounded!.outputs;
    expect(rounded).toMatchObject({ name: 'scores', notFinite: 0 });
    expect(rounded!.sqnrDb).toBeGreaterThan(50);
    expect(result.rounded!.sameLabel).toBe(1);
    expect(result.int8MacShare).toBe(0);
    expect(result.latency).not.toBeNull();
    expect(result.layers.some((l) => l.onlyThisDb !== null)).toBe(true);
    expect(stages).toContain('sensitivity');
    const written = await loadModel(p.at('net.float16.onnx'));
    expect(flawsOf(written, await loadModel(p.at('net.onnx')))).toEqual([]);
    expect(written.graph.initializer.map((t) => tensorType(t))).toEqual(
      Array(written.graph.initializer.length).fill('float16'),
    );
    expect(result.size!.parts.map((part) => part.what)).toContain('float16 weights');
  });

  it('keeps layers, and takes float16 at its borders', { timeout: 60_000 }, async () => {
    const p = await project(folder, 'borders');
    p.write({ keep_fp32: ['conv1'], quantization: { mode: 'float16', half: { keep_io: false } } });
    const { result } = await run(p.recipePath);
    const conv1 = result.layers.find((l) => l.name === 'conv1')!;
    expect(conv1).toMatchObject({ precision: 'float32', wish: 'keep', executed: 'float32' });
    const { graph } = await loadModel(p.at('net.int8.onnx'));
    expect([...graph.input, ...graph.output].map((v) => valueType(v).type)).toEqual([
      'float16',
      'float16',
    ]);
    expect(result.sqnrDb['scores']).toBeGreaterThan(50);
    expect(result.latency).not.toBeNull();
  });

  it('without data checks weights alone, and says so', async () => {
    const p = await project(folder, 'blind');
    p.write({ calibration: undefined, evaluate: undefined, quantization: { mode: 'float16' } });
    const { result } = await run(p.recipePath);
    expect(codes(result)).toContain('float16-ranges-unchecked');
    expect(result.verification).toMatchObject({ ranOn: 'random' });
    expect(result.verification!.worstDb).toBeGreaterThan(40);
  });

  it('keeps what overflows, by what calibration saw', { timeout: 60_000 }, async () => {
    const g = new GraphBuilder();
    const large = g.constant('a', [4, 4], randomValues(16, 'a', 300, 900));
    const small = g.constant('b', [4, 3], randomValues(12, 'b', 1e-4, 2e-4));
    g.node('up', 'MatMul', [g.input('x', [1, 4]), large]);
    g.node('square', 'Mul', ['up_out', 'up_out']);
    g.node('down', 'MatMul', ['square_out', small], {}, ['scores']);
    folder.put('overflow/net.onnx', serializeModel(g.output('scores').build()));
    folder.put('overflow/x.npy', npy([12, 4], randomValues(48, 'x', 0.5, 1)));
    const recipe = (calibration: string) =>
      folder.put(
        'overflow/net.quant.yaml',
        `model: net.onnx\noutput: net.half.onnx\n${calibration}evaluate: { data: x.npy }\nquantization: { mode: float16 }\nlatency: { pairs: 3, seconds: 0.05 }\n`,
      );
    const { result } = await run(recipe('calibration: { data: x.npy }\n'));
    expect(result.layers.map((l) => `${l.name} ${l.precision}`)).toEqual([
      'up float16',
      'square float32',
      'down float32',
    ]);
    expect(result.layers[1]!.reason).toMatch(/65504/);
    expect(result.rounded!.outputs[0]!.notFinite).toBe(0);
    const blind = (await run(recipe(''))).result;
    expect(blind.layers.map((l) => l.precision)).toEqual(['float16', 'float16', 'float16']);
    expect(blind.rounded!.outputs[0]!.notFinite).toBeGreaterThan(0);
    expect(codes(blind)).toContain('float16-overflows');
    // the CPU itself does not overflow: it computes in float32
    expect(blind.sqnrDb['scores']).toBeGreaterThan(50);
  });

  it('for NVIDIA says what was not executed here', { timeout: 60_000 }, async () => {
    const p = await project(folder, 'nvidia');
    p.write({ target: 'nvidia-fp16', quantization: undefined });
    const { result } = await run(p.recipePath);
    expect(result).toMatchObject({ mode: 'float16', target: 'nvidia-fp16' });
    expect(codes(result)).toContain('target-not-executed');
    expect(result.rounded).not.toBeNull();
  });

  it('stores weights as bfloat16', { timeout: 60_000 }, async () => {
    const p = await project(folder, 'brain');
    p.write({ output: undefined, quantization: { mode: 'float16', half: { type: 'bfloat16' } } });
    const { result } = await run(p.recipePath);
    expect(result.output).toBe(p.at('net.bfloat16.onnx'));
    const weighted = result.layers.filter((l) => /Conv|Gemm/.test(l.op));
    expect(weighted.map((l) => l.precision)).toEqual(['bfloat16', 'bfloat16', 'bfloat16']);
    expect(weighted.map((l) => l.executed)).toEqual(['float32', 'float32', 'float32']);
    expect(codes(result)).toContain('bfloat16-storage');
    expect(result.rounded).toBeNull();
    expect(result.sqnrDb['scores']).toBeGreaterThan(40);
    expect(statSync(p.at('net.bfloat16.onnx')).size).toBeLessThan(statSync(p.at('net.onnx')).size);
  });

  it('refuses a quantized model', async () => {
    const g = new GraphBuilder();
    g.constant('s', [], [0.1]);
    g.node('q', 'QuantizeLinear', [g.input('x', [4]), 's']);
    g.node('dq', 'DequantizeLinear', ['q_out', 's'], {}, ['y']);
    folder.put('qdq/net.onnx', serializeModel(g.output('y').build()));
    const recipe = folder.put(
      'qdq/net.quant.yaml',
      'model: net.onnx\noutput: out.onnx\nquantization: { mode: float16 }\n',
    );
    await expect(run(recipe)).rejects.toMatchObject({ code: 'model.already-quantized' });
  });
});

describe('a model in float16', () => {
  it.each(['static', 'dynamic', 'float16'])(
    'is quantized in mode %s',
    { timeout: 60_000 },
    async (mode) => {
      const { convertToFloat16 } = await import('../../src/quantize/float16/convert');
      const half = convertToFloat16(classifier(), { keepIo: false }).model;
      const p = await project(folder, `half-${mode}`);
      p.put('net.onnx', serializeModel(half));
      p.write({ quantization: { mode } });
      const { result } = await run(p.recipePath);
      expect(codes(result)).toContain('half-to-float32');
      const { graph } = await loadModel(p.at('net.int8.onnx'));
      expect([...graph.input, ...graph.output].map((v) => valueType(v).type)).toEqual([
        'float16',
        'float16',
      ]);
      expect(result.sqnrDb['scores']).toBeGreaterThan(mode === 'float16' ? 50 : 20);
      expect(result.accuracy).not.toBeNull();
      expect(result.latency).not.toBeNull();
    },
  );
});
