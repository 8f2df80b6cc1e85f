/** The target fpga-fixed from the recipe to the export: power-of-two scales, codes equal to the runtime's, what is said. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkModel } from '../../src/jobs/check';
import { saveModel } from '../../src/onnx';
import type { FixedResult, RunResult } from '../../src/results';
import { renderHtml } from '../../src/report/html';
import { toJsonDocument } from '../../src/report/json';
import { resultText } from '../../src/report/summary-text';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';
import { cifar, every, hasShared, imagenet, sharedFile } from '../lib/shared';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples');
const hasGcc = spawnSync('gcc', ['--version']).status === 0;
if (!hasGcc) console.warn('skipped: there is no gcc to compile the exported C with');

async function written(name: string, recipe: object): Promise<RunResult> {
  const text = stringify({ output: `${name}.onnx`, target: 'fpga-fixed', ...recipe });
  const { result } = await run(folder.at(`${name}.quant.yaml`), { text, until: 'evaluate' });
  return result;
}

const factor = (more: object = {}) => ({
  model: path.join(samples, 'factor-cnn/factor-cnn.onnx'),
  calibration: { data: path.join(samples, 'factor-cnn/calibration.npy') },
  evaluate: { data: path.join(samples, 'factor-cnn/evaluation.npz') },
  ...more,
});

const codesOf = ({ steps }: FixedResult) => steps.reduce((sum, s) => sum + s.values, 0);
const notesOf = (result: RunResult, code: string) => result.notes.filter((n) => n.code === code);

/** Every step gave the runtime's codes, and there were some. */
function expectEqual(result: RunResult): FixedResult {
  const { fixed } = result;
  for (const step of fixed!.steps) {
    expect(step.values, step.layer).toBeGreaterThan(0);
    expect(step, step.layer).toMatchObject({ different: 0, largest: 0, beyond: 0 });
  }
  expect(notesOf(result, 'fixed-differs')).toEqual([]);
  return fixed!;
}

/** Compiles the export with its test vectors and returns how many codes were wrong. */
function selfTest(name: string, prefix: string): string {
  const upper = prefix.toUpperCase();
  const head = `#define ${upper}_IMPLEMENTATION\n#define ${upper}_TEST_VECTORS\n#include "${name}.fixed.h"`;
  writeFileSync(
    folder.at('main.c'),
    `#include <stdio.h>\n${head}\nint main(void) { printf("%lu", ${prefix}_self_test()); return 0; }\n`,
  );
  const cwd = path.dirname(folder.at('main.c'));
  const strict = ['-std=c99', '-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];
  execFileSync('gcc', [...strict, '-o', folder.at('main'), 'main.c'], { cwd });
  return execFileSync(folder.at('main'), { encoding: 'utf8' });
}

describe('fpga-fixed', () => {
  it('gives the runtime’s codes bit for bit on samples that were not calibrated on', async () => {
    const result = await written('plain', factor());
    const fixed = expectEqual(result);
    expect(fixed).toMatchObject({ samples: 16, heldBack: true, host: [], accumulatorBits: 32 });
    expect(codesOf(fixed)).toBeGreaterThan(100_000);
    expect(fixed.steps.filter((s) => s.op === 'conv').length).toBeGreaterThan(10);
    for (const { worstBits, measuredBits } of fixed.steps)
      expect(measuredBits ?? 0).toBeLessThanOrEqual(worstBits);
    const { findings } = await checkModel(folder.at('plain.onnx'), 'fpga-fixed');
    expect(findings).toEqual([]);
    expect(result.layers.every((l) => l.precision === 'int8' || l.reason !== null)).toBe(true);
  });

  it('with one scale for all weights of a layer too', async () => {
    const weights = { granularity: 'tensor' };
    const fixed = expectEqual(await written('tensor', factor({ quantization: { weights } })));
    expect(fixed.steps.filter((s) => s.weight?.includes('…'))).toEqual([]);
  });

  it('says it in text, JSON and HTML', async () => {
    const result = await written('plain', factor());
    const { steps, files } = result.fixed!;
    const text = resultText(result);
    expect(text).toMatch(
      /In fixed point its \d+ steps give onnxruntime's [\d. kM]+ codes bit for bit/,
    );
    const html = renderHtml(result, null);
    for (const part of [text, html]) for (const { name } of files) expect(part).toContain(name);
    const document = JSON.parse(JSON.stringify(toJsonDocument(result)));
    expect(document.fixed.steps).toHaveLength(steps.length);
    expect(document.fixed.steps[0]).toMatchObject({
      layer: steps[0]!.layer,
      accumulator: steps[0]!.accumulator,
      worst_bits: steps[0]!.worstBits,
    });
    expect(html).toContain(steps[0]!.accumulator);
  });

  it.skipIf(!hasGcc)('exports C that gives the same codes', async () => {
    await written('plain', factor({ fixed: { test_vectors: 3 } }));
    expect(selfTest('plain', 'plain')).toBe('0');
  });

  it('exports the same bytes again', async () => {
    const read = () => ['h', 'json'].map((end) => readFileSync(folder.at(`plain.fixed.${end}`)));
    await written('plain', factor());
    const first = read();
    await written('plain', factor());
    expect(read()).toEqual(first);
    expect(readdirSync(path.dirname(folder.at(''))).filter((f) => f.endsWith('.tmp'))).toEqual([]);
  });

  it('names the layers whose sums a narrow accumulator cannot hold', async () => {
    const result = await written('narrow', factor({ fixed: { accumulator_bits: 16 } }));
    const [note] = notesOf(result, 'accumulator-too-narrow');
    const widest = Math.max(...result.fixed!.steps.map((s) => s.worstBits));
    expect(note!.remedy).toContain(`accumulator_bits: ${widest}`);
    const at = result.fixed!.steps.find((s) => s.layer === note!.layer)!;
    expect(at.worstBits).toBe(widest);
    expect(result.fixed!.steps.some((s) => s.beyond > 0)).toBe(note!.severity === 'warning');
  });

  it('keeps a layer in float, outside, and takes codes up again behind it', async () => {
    const keep = '/features/block3/depthwise/Conv';
    const result = await written('kept', factor({ keep_fp32: [keep] }));
    const fixed = expectEqual(result);
    expect(fixed.host.map((h) => h.node)).toContain(keep);
    expect(notesOf(result, 'fixed-host')).toMatchObject([{ severity: 'warning' }]);
    expect(notesOf(result, 'fixed-no-step')).toEqual([]);
    if (hasGcc) expect(selfTest('kept', 'kept')).toBe('0');
  });

  it('says why an operator stays outside', async () => {
    const g = new GraphBuilder(17);
    const x = g.input('x', [1, 4, 8, 8]);
    const conv = g.node('conv', 'Conv', [x, g.random('w', [6, 4, 3, 3])]);
    const up = g.node('up', 'ConvTranspose', [conv, g.random('v', [6, 3, 2, 2])]);
    const last = g.node('last', 'Conv', [up, g.random('u', [2, 3, 1, 1])]);
    await saveModel(g.output(last).build(), folder.at('transpose.onnx'));
    const result = await written('outside', {
      model: 'transpose.onnx',
      calibration: { data: 'random', samples: 16 },
    });
    const fixed = expectEqual(result);
    expect(fixed.host).toEqual([expect.objectContaining({ node: 'up', op: 'ConvTranspose' })]);
    expect(fixed.host[0]!.reason).toContain('no fixed-point form of ConvTranspose');
  });

  it.each([
    ['dynamic', { quantization: { mode: 'dynamic' } }, 'recipe.unsupported'],
    [
      'unsigned activations',
      { quantization: { activations: { type: 'uint8' } } },
      'recipe.unsupported',
    ],
    [
      '16-bit activations',
      { quantization: { activations: { type: 'int16' } } },
      'recipe.unsupported',
    ],
    ['an accumulator of 8 bits', { fixed: { accumulator_bits: 8 } }, 'recipe.schema'],
  ])('refuses %s', async (_, more, code) => {
    await expect(written('refused', factor(more))).rejects.toMatchObject({ code });
  });
});

describe.skipIf(!hasShared)('fpga-fixed on open models', () => {
  it('resnet8', { timeout: 300_000 }, async () => {
    const data = every(10, cifar(), 100);
    const result = await written('resnet8', {
      model: sharedFile('models/resnet8_cifar10.onnx'),
      calibration: { data: data.slice(0, 64), image: { scale: 1 } },
      evaluate: { data: data.slice(64, 80) },
    });
    const fixed = expectEqual(result);
    expect(codesOf(fixed)).toBeGreaterThan(1_000_000);
  });

  it('mobilenet', { timeout: 300_000 }, async () => {
    const image = { resize: 256, crop: 224, scale: '1/127.5', mean: 1 };
    const result = await written('mobilenet', {
      model: sharedFile('models/mobilenet_v1_0.25_224_imagenet.onnx'),
      calibration: { data: every(4, imagenet(), 16), image },
      evaluate: { data: every(4, imagenet(), 24).slice(16) },
    });
    const fixed = expectEqual(result);
    expect(codesOf(fixed)).toBeGreaterThan(1_000_000);
    if (hasGcc) expect(selfTest('mobilenet', 'mobilenet')).toBe('0');
  });
});

it('leaves nothing of the export for other targets', async () => {
  const result = await written('other', factor({ target: 'x86-vnni' }));
  expect(result.fixed).toBeNull();
  expect(
    readdirSync(path.dirname(folder.at('x'))).filter((f) => f.startsWith('other.fixed')),
  ).toEqual([]);
});
