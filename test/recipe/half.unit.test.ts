/** What recipes say of half precision and of 16-bit activations. */
import { describe, expect, it } from 'vitest';
import { resolveRecipe } from '../../src/recipe/defaults';
import { lint } from '../../src/recipe/lint';
import { planLayers } from '../../src/recipe/match';
import { modeFor } from '../../src/recipe/modes';
import { parseRecipe } from '../../src/recipe/parse';

const problems = (text: string) => {
  const parsed = parseRecipe(text, 'x.quant.yaml');
  return [...parsed.problems, ...lint(parsed)].map((p) => `${p.code} ${p.path?.join('.') ?? ''}`);
};

describe('mode float16', () => {
  it('needs no data, and keeps inputs and outputs', () => {
    expect(problems('model: m.onnx\nquantization: { mode: float16 }')).toEqual([]);
    const resolved = resolveRecipe({ model: 'm.onnx', quantization: { mode: 'float16' } });
    expect(resolved.quantization.half).toEqual({ type: 'float16', keepIo: true });
    expect(resolved.output).toBe('m.float16.onnx');
  });

  it('writes bfloat16 or float16 borders where it is told to', () => {
    const quantization = { mode: 'float16', half: { type: 'bfloat16', keep_io: false } } as const;
    const resolved = resolveRecipe({ model: 'm.onnx', quantization });
    expect(resolved.quantization.half).toEqual({ type: 'bfloat16', keepIo: false });
    expect(resolved.output).toBe('m.bfloat16.onnx');
  });

  it('is what the target nvidia-fp16 means, and nothing else goes with it', () => {
    expect(modeFor(undefined, 'nvidia-fp16')).toBe('float16');
    expect(modeFor(undefined, 'auto')).toBe('static');
    expect(modeFor('dynamic', 'nvidia-fp16')).toBe('dynamic');
    expect(problems('model: m.onnx\ntarget: nvidia-fp16')).toEqual([]);
    expect(problems('model: m.onnx\ntarget: nvidia-fp16\nquantization: { mode: dynamic }')).toEqual(
      ['unsupported target'],
    );
  });

  it('has one mode for fixed point, and keys that only fixed point has', () => {
    expect(modeFor(undefined, 'fpga-fixed')).toBe('static');
    const head = 'model: m.onnx\ncalibration: { data: random }';
    const found = (more: string) => problems(`${head}\n${more}`).filter((p) => !/random/.test(p));
    expect(found('target: fpga-fixed\nfixed: { accumulator_bits: 24, test_vectors: 0 }')).toEqual(
      [],
    );
    expect(found('target: fpga-fixed\nquantization: { mode: auto }')).toEqual([
      'unsupported target',
    ]);
    expect(found('fixed: { accumulator_bits: 24 }')).toEqual(['no-effect fixed']);
    expect(found('target: fpga-fixed\nfixed: { accumulator_bits: 64 }')).toEqual([
      'out-of-range fixed.accumulator_bits',
    ]);
  });

  it.each([
    ['mode: float16, activations: { type: int8 }', 'no-effect quantization.activations.type'],
    ['mode: float16, weights: { granularity: tensor }', 'no-effect quantization.weights'],
    ['mode: dynamic, half: { type: bfloat16 }', 'no-effect quantization.half'],
    [
      'mode: float16, half: { type: bfloat16, keep_io: false }',
      'no-effect quantization.half.keep_io',
    ],
  ])('says that a key has no effect: %s', (keys, problem) => {
    expect(problems(`model: m.onnx\nquantization: { ${keys} }`)).toEqual([problem]);
  });

  it.each(['activations: int16', 'precision: int16'])('knows no %s of layers', (rule) => {
    const text = `model: m.onnx\nquantization: { mode: float16 }\nlayers: [{ match: a, ${rule} }]`;
    expect(problems(text)).toEqual([`no-effect layers.0.${rule.split(':')[0]}`]);
  });
});

describe('16-bit activations of layers', () => {
  const layers = ['a', 'b', 'c', 'd'].map((name) => ({ name, op: 'Conv', kind: '' }));
  const wishes = planLayers(
    {
      keepFp32: ['d'],
      layers: [
        { match: 'a', activations: 'int16' },
        { match: 'b', precision: 'int16' },
        { match: 'c', precision: 'int16' },
        { match: 'c', precision: 'int8' },
        { match: 'd', precision: 'int16' },
      ],
    },
    layers,
  );

  it('are those of the last rule that says something of them', () => {
    expect([...wishes].map(([name, w]) => `${name} ${w.activations} ${w.keep}`)).toEqual([
      'a int16 false',
      'b wide false',
      'c null false',
      'd wide true',
    ]);
  });
});
