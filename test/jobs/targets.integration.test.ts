/** Targets from the recipe to the written file: what each asks of it, and what is said where it is executed elsewhere. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { RULES } from '../../src/analyze/rules';
import { checkModel } from '../../src/jobs/check';
import { allNodes, isDefaultDomain, loadModel } from '../../src/onnx';
import type { RunResult, Target } from '../../src/results';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { faces, hasShared, photos, sharedFile } from '../lib/shared';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples');

async function written(
  target: Target,
  more: object = {},
  until: 'quantize' | 'evaluate' = 'evaluate',
) {
  const text = stringify({
    model: path.join(samples, 'factor-cnn/factor-cnn.onnx'),
    output: `${target}.onnx`,
    target,
    calibration: { data: path.join(samples, 'factor-cnn/calibration.npy') },
    evaluate: { data: path.join(samples, 'factor-cnn/evaluation.npz') },
    ...more,
  });
  const { result } = await run(folder.at(`${target}.quant.yaml`), { text, until });
  return { result, model: await loadModel(folder.at(`${target}.onnx`)) };
}

const lowest = (result: RunResult) => Math.min(...Object.values(result.sqnrDb));
const codes = (result: RunResult) => result.notes.map((n) => n.code);

describe('tensorrt', () => {
  it('is a file that its rules take, as accurate as symmetric int8 can be', async () => {
    const { result, model } = await written('tensorrt');
    const { findings } = await checkModel(folder.at('tensorrt.onnx'), 'tensorrt');
    expect(findings.filter((f) => f.severity !== 'info')).toEqual([]);
    expect(model.graph.initializer.some((t) => t.name.includes('bias_quantized'))).toBe(false);
    expect(codes(result)).toContain('executed-elsewhere');
    expect(codes(result)).not.toContain('executed-float');
    expect(result.layers.filter((l) => l.precision === 'int8').length).toBeGreaterThan(3);
    // its rules know one scale for an activation: channels cannot be balanced
    const alike = { quantization: { improve: ['bias-correction'] } };
    expect(lowest(result)).toBeGreaterThan(lowest((await written('x86-vnni', alike)).result) - 1.5);
  });

  it.each([
    ['dynamic', { quantization: { mode: 'dynamic' } }],
    ['unsigned activations', { quantization: { activations: { type: 'uint8' } } }],
  ])('refuses %s', async (_, more) => {
    await expect(written('tensorrt', more)).rejects.toMatchObject({ code: 'recipe.unsupported' });
  });

  it('corrects biases in float', async () => {
    const { result } = await written('tensorrt', {
      quantization: { improve: ['bias-correction'] },
    });
    expect(result.layers.some((l) => l.biasShift?.kept)).toBe(true);
    const { findings } = await checkModel(folder.at('tensorrt.onnx'), 'tensorrt');
    expect(findings.filter((f) => f.severity !== 'info')).toEqual([]);
  });

  it('finds what is wrong in a file for another target', async () => {
    await written('x86-vnni', {}, 'quantize');
    const { findings } = await checkModel(folder.at('x86-vnni.onnx'), 'tensorrt');
    const found = new Set(findings.map((f) => f.code));
    expect([...found]).toEqual(
      expect.arrayContaining(['code-type', 'zero-point', 'quantized-bias']),
    );
    for (const f of findings) expect(f.remedy).not.toBe('');
  });
});

describe('onnx', () => {
  it.each([
    ['static', {}],
    ['dynamic', { quantization: { mode: 'dynamic' } }],
  ])('%s has operators of ONNX alone', async (_, more) => {
    const { result, model } = await written('onnx', more);
    expect([...allNodes(model.graph)].every((n) => isDefaultDomain(n.domain))).toBe(true);
    expect(model.domainVersion('com.microsoft')).toBeNull();
    expect(result.layers.some((l) => l.executed === 'int8')).toBe(true);
    expect((await checkModel(folder.at('onnx.onnx'), 'onnx')).findings).toEqual([]);
  });

  it('leaves LSTM in float and says why', async () => {
    const lstm = {
      model: path.join(samples, 'price-lstm/price-lstm.onnx'),
      calibration: { data: path.join(samples, 'price-lstm/calibration.npz') },
      evaluate: { data: path.join(samples, 'price-lstm/evaluation.npz') },
      quantization: { mode: 'dynamic' },
    };
    const { result } = await written('onnx', lstm);
    const [cell] = result.layers.filter((l) => l.op === 'LSTM');
    expect(cell).toMatchObject({ precision: 'float32' });
    expect(cell!.reason).toContain('onnxruntime');
    const contrib = await written('x86-vnni', lstm, 'quantize');
    const { findings } = await checkModel(folder.at('x86-vnni.onnx'), 'onnx');
    expect(findings.map((f) => f.code)).toContain('foreign-operator');
    expect(contrib.model.domainVersion('com.microsoft')).toBe(1);
  });
});

describe('arm64', () => {
  it('has signed activations, and says who executes it', async () => {
    const { result } = await written('arm64');
    expect(result.ranges.filter((r) => r.type !== null).map((r) => r.type)).toContain('int8');
    expect(codes(result)).toContain('executed-elsewhere');
    expect(lowest(result)).toBeGreaterThan(lowest((await written('x86-vnni')).result) - 1.5);
  });
});

describe('checkModel', () => {
  it('knows layers that clip without VNNI', async () => {
    await written('x86-vnni', {}, 'quantize');
    const { findings } = await checkModel(folder.at('x86-vnni.onnx'), 'x86-avx2');
    expect(new Set(findings.map((f) => f.code))).toEqual(new Set(['can-clip']));
  });

  it('refuses targets without rules, and files that are no model', async () => {
    const file = folder.at('x86-vnni.onnx');
    await expect(checkModel(file, 'arm64')).rejects.toMatchObject({ code: 'cli.usage' });
    const missing = folder.at('nothing.onnx');
    await expect(checkModel(missing, 'onnx')).rejects.toMatchObject({ code: 'model.not-found' });
  });

  it('has rules for the targets that the command line offers', () => {
    expect(Object.keys(RULES).sort()).toEqual(['fpga-fixed', 'onnx', 'tensorrt', 'x86-avx2']);
  });
});

describe.skipIf(!hasShared)('tensorrt on open models', () => {
  it.each([
    ['mobilenet_v1_0.25_224_imagenet.onnx', { resize: 256, crop: 224, scale: '1/127.5', mean: 1 }],
    ['ultraface_rfb_320.onnx', { resize: [320, 240], scale: 1, mean: 127, std: 128 }],
    ['super_resolution_10/model.onnx', { resize: 256, crop: 224, color: 'y' }],
  ])('%s', { timeout: 300_000 }, async (model, image) => {
    const data = [...photos(), ...faces()].slice(0, 8);
    await written('tensorrt', {
      model: sharedFile('models', model),
      calibration: { data, image },
      evaluate: { data },
    });
    const { findings } = await checkModel(folder.at('tensorrt.onnx'), 'tensorrt');
    expect(findings.filter((f) => f.severity === 'error')).toEqual([]);
    expect(findings.filter((f) => f.severity === 'warning')).toEqual([]);
  });
});
