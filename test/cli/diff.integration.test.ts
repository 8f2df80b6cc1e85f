import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';

const folder = temporaryFolder();
const program = path.resolve(import.meta.dirname, '../../dist/cli.js');

function net(name: string, input: string, scale: number): string {
  const b = new GraphBuilder();
  b.input(input, [1, 4]);
  b.node('fc', 'Gemm', [input, b.constant('w', [4, 2], Array(8).fill(scale))], {}, ['<y>']);
  writeFileSync(folder.at(name), serializeModel(b.output('<y>').build()));
  return name;
}

function vernier(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder.at('.'),
    encoding: 'utf8',
  });
  return { status, stdout };
}

describe('vernier diff', () => {
  it('lays two models side by side, runs both, and writes a page that escapes names', () => {
    const args = [net('a.onnx', 'x', 1), net('b.onnx', 'x', 1.1)];
    const { status, stdout } = vernier('diff', ...args, '--json', '--report', 'd.html');
    expect(status).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.nodes).toMatchObject([
      { status: 'changed', a: { name: 'fc' }, b: { name: 'fc' }, matched_by: 'name' },
    ]);
    expect(found.nodes[0].changes[0]).toMatch(/other values of float32\[4, 2\], by up to 0\.100/);
    // the noise is a tenth of the signal
    expect(found.outputs[0].sqnr_db).toBeCloseTo(20, 1);
    expect(found.compared_on).toMatchObject({ samples: 8, random: true });
    expect(found.latency).toBeNull();
    expect(found.tensors).toMatchObject([{ node: 'fc', a: '<y>', b: '<y>' }]);
    expect(found.tensors[0].sqnr_db).toBeCloseTo(20, 1);
    const page = readFileSync(folder.at('d.html'), 'utf8');
    expect(page).toContain('&lt;y&gt;');
    expect(page).not.toContain('<y>');
    const text = vernier('diff', ...args).stdout;
    expect(text).toContain('Nodes: 1 changed. 100 %');
    expect(text).toContain('random data');
  });

  it('compares files that take other inputs, and says that it did not run them', () => {
    const { status, stdout } = vernier(
      'diff',
      net('c.onnx', 'x', 1),
      net('d.onnx', 'z', 1),
      '--json',
    );
    expect(status).toBe(0);
    const found = JSON.parse(stdout);
    expect([found.outputs, found.compared_on]).toEqual([[], null]);
    expect(found.warnings[0]).toContain('x: float32; z: float32');
    expect(found.nodes).toMatchObject([{ status: 'same' }]);
  });

  it('runs both on what a recipe evaluates on', () => {
    const args = [net('g.onnx', 'x', 1), net('h.onnx', 'x', 1.1)];
    writeFileSync(
      folder.at('g.quant.yaml'),
      'model: g.onnx\ncalibration: { data: random, samples: 10 }\nevaluate: { data: random, samples: 6 }\n',
    );
    const run = (...more: string[]) =>
      JSON.parse(vernier('diff', ...args, ...more, '--json').stdout);
    const found = run('--recipe', 'g.quant.yaml');
    expect(found.compared_on).toMatchObject({ samples: 6, random: true });
    expect(found.tensors).toHaveLength(1);
    expect(run('--recipe', 'g.quant.yaml', '--samples', '3').compared_on.samples).toBe(3);
    expect(run('--recipe', 'missing.quant.yaml').error.code).toBe('recipe.not-found');
    expect(run('--recipe', 'g.quant.yaml', '--data', 'random').error.code).toBe('cli.usage');
  });

  it('times both where it is asked to', () => {
    const args = [net('e.onnx', 'x', 1), net('f.onnx', 'x', 1)];
    const { latency, outputs } = JSON.parse(vernier('diff', ...args, '--time', '--json').stdout);
    expect(latency.pairs).toBeGreaterThan(100);
    expect(latency.low).toBeLessThanOrEqual(latency.high);
    expect(outputs[0].sqnr_db).toBe(150);
  }, 60_000);

  it.each([
    [['diff', 'one.onnx'], 'Which two models'],
    [['diff', 'a.onnx', 'b.onnx', 'c.onnx'], 'one model too many'],
    [['diff', 'a.onnx', 'b.onnx', '--report', 'x.md'], 'written as .html'],
    [['diff', 'a.onnx', 'missing.onnx'], 'missing.onnx'],
  ])('refuses %j', (args, words) => {
    net('a.onnx', 'x', 1);
    const { status, stdout } = vernier(...args, '--json');
    expect(status).not.toBe(0);
    expect(JSON.parse(stdout).error.message).toContain(words);
  });
});
