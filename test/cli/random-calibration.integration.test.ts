import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';

const folder = temporaryFolder();
const program = path.resolve(import.meta.dirname, '../../dist/cli.js');

function net(name: string, random: boolean): string {
  const b = new GraphBuilder();
  b.node('fc', 'Gemm', [b.input('x', [1, 4]), b.random('w', [4, 2])], {}, ['y']);
  const model = b.output('y').build();
  if (random) model.setMetadata('vernier.calibration.random', 'true');
  writeFileSync(folder.at(name), serializeModel(model));
  return name;
}

interface Told {
  code: string;
  message: string;
  remedy: string | null;
}

function told(...args: string[]): Told[] {
  const { stdout } = spawnSync(process.execPath, [program, ...args, '--json'], {
    cwd: folder.at('.'),
    encoding: 'utf8',
  });
  const { notes } = JSON.parse(stdout) as { notes: Told[] };
  return notes.filter(({ code }) => code === 'random-calibration');
}

describe('a model that was calibrated on random data says so', () => {
  const [real, random] = [net('real.onnx', false), net('random.onnx', true)];

  it.each([
    ['inspect', random],
    ['check', random, '--target', 'tensorrt'],
    ['fusions', random],
    ['diff', real, random],
  ])('%s', (...args) => {
    const notes = told(...args);
    expect(notes).toHaveLength(1);
    expect(notes[0]!.message).toContain("'random.onnx'");
    expect(notes[0]!.remedy).toContain('real samples');
    expect(told(...args.map((arg) => (arg === random ? real : arg)))).toEqual([]);
  });
});
