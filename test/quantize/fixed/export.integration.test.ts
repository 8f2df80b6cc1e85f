/** The exported C, compiled and run, against the simulation; the JSON against the program that it describes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { exportFixed, testVector, type TestVector } from '../../../src/quantize/fixed/export';
import { identifier } from '../../../src/quantize/fixed/export/c-text';
import { crc32 } from '../../../src/quantize/fixed/export/crc32';
import { readFixedProgram } from '../../../src/quantize/fixed/read';
import type { FixedProgram } from '../../../src/quantize/fixed/program';
import { runFixed } from '../../../src/quantize/fixed/simulate';
import { Random } from '../../../src/numeric';
import { temporaryFolder } from '../../lib/files';
import { buildCase, CASES, FixedBuilder } from './cases';

const folder = temporaryFolder();
const hasGcc = spawnSync('gcc', ['--version']).status === 0;
if (!hasGcc) console.warn('skipped: there is no gcc to compile the exported C with');

/** Simulated vectors of random codes at the inputs. */
function vectorsOf(program: FixedProgram, count: number): TestVector[] {
  const random = new Random(5);
  const shapes = new Map(program.tensors.map((t) => [t.name, t.shape]));
  return Array.from({ length: count }, () => {
    const inputs = program.inputs.map((name) => {
      const size = shapes.get(name)!.reduce((a, b) => a * b, 1);
      const codes = Float64Array.from({ length: size }, () =>
        Math.floor(random.uniform(-128, 128)),
      );
      return [name, codes] as const;
    });
    return testVector(program, runFixed(program, new Map(inputs)));
  });
}

function write(program: FixedProgram, name: string, mostInText?: number): string {
  const files = exportFixed(program, {
    name,
    sha256: '0'.repeat(64),
    accumulatorBits: 32,
    vectors: vectorsOf(program, 2),
    ...(mostInText === undefined ? {} : { mostInText }),
  });
  mkdirSync(folder.at(''), { recursive: true });
  for (const file of files) writeFileSync(folder.at(file.name), file.data);
  return identifier(name);
}

/** Compiles a C file strictly, runs it, and returns what it printed. */
function runC(source: string): string {
  writeFileSync(folder.at('main.c'), source);
  const program = folder.at('main');
  const strict = ['-std=c99', '-O1', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];
  execFileSync('gcc', [...strict, '-o', program, 'main.c'], { cwd: path.dirname(program) });
  return execFileSync(program, { cwd: path.dirname(program), encoding: 'utf8' });
}

const include = (prefix: string, name: string) =>
  [
    `#define ${prefix.toUpperCase()}_IMPLEMENTATION`,
    `#define ${prefix.toUpperCase()}_TEST_VECTORS`,
    `#include "${name}.fixed.h"`,
  ].join('\n');

describe.skipIf(!hasGcc)('the exported C', () => {
  it('gives the codes of the simulation for every operator', async () => {
    const lines: string[] = [];
    const calls: string[] = [];
    const names = Object.keys(CASES);
    for (const [i, name] of names.entries()) {
      const program = await readFixedProgram(buildCase(name).model);
      const file = `case${i}`;
      const prefix = write(program, file);
      lines.push(include(prefix, file));
      calls.push(`printf("%lu\\n", ${prefix}_self_test());`);
    }
    const main = `#include <stdio.h>\n${lines.join('\n')}\nint main(void) {\n${calls.join('\n')}\nreturn 0;\n}\n`;
    const wrong = runC(main).trim().split('\n').map(Number);
    expect(Object.fromEntries(names.map((n, i) => [n, wrong[i]]))).toEqual(
      Object.fromEntries(names.map((n) => [n, 0])),
    );
  });

  it('reads its constants from a file where they are many', async () => {
    const program = await readFixedProgram(buildCase('Conv').model);
    const prefix = write(program, 'big', 0);
    const main = [
      '#include <stdio.h>',
      '#include <stdlib.h>',
      include(prefix, 'big'),
      'int main(void) {',
      '  FILE *f = fopen("big.fixed.bin", "rb");',
      '  unsigned char *memory = malloc(BIG_BIN_BYTES);',
      '  if (!f || fread(memory, 1, BIG_BIN_BYTES, f) != BIG_BIN_BYTES) return 1;',
      '  big_load(memory);',
      '  printf("%lu\\n", big_self_test());',
      '  return 0;',
      '}\n',
    ].join('\n');
    expect(runC(main).trim()).toBe('0');
  });

  it('counts codes that are not those of the vectors', async () => {
    const program = await readFixedProgram(buildCase('Relu').model);
    const vectors = vectorsOf(program, 1);
    vectors[0]!.outputs[program.outputs[0]!]![3]! += 1;
    vectors[0]!.outputs[program.outputs[0]!]![7]! -= 2;
    const [header] = exportFixed(program, {
      name: 'bad',
      sha256: '',
      accumulatorBits: 32,
      vectors,
    });
    writeFileSync(folder.at('bad.fixed.h'), header!.data);
    const main = `#include <stdio.h>\n${include('bad', 'bad')}\nint main(void) { printf("%lu\\n", bad_self_test()); return 0; }\n`;
    expect(runC(main).trim()).toBe('2');
  });

  it('gives whole sums where the model reads them, and waits for the host', async () => {
    const g = new FixedBuilder();
    const sum = g.node('op', 'MatMul', [g.activation('x', [2, 12]), g.weight('w', [12, 5], 1)]);
    const soft = g.node('soft', 'Softmax', [sum]);
    const last = g.node('relu', 'Relu', [g.through(soft, 7)]);
    const program = await readFixedProgram(g.output(g.through(last, 7)).build());
    const prefix = write(program, 'island');
    const main = `#include <stdio.h>\n${include(prefix, 'island')}\nint main(void) { printf("%lu\\n", island_self_test()); return 0; }\n`;
    expect(runC(main).trim()).toBe('0');
    expect(main).not.toContain('island_run2');
  });
});

describe('exportFixed', () => {
  it('gives the same bytes again', async () => {
    const program = await readFixedProgram(buildCase('Conv').model);
    const again = await readFixedProgram(buildCase('Conv').model);
    const options = { name: 'm', sha256: 'a', accumulatorBits: 32, vectors: vectorsOf(program, 1) };
    expect(exportFixed(again, options)).toEqual(exportFixed(program, options));
  });

  it('describes in JSON what it is: weights, formats, shifts, bounds', async () => {
    const program = await readFixedProgram(buildCase('Conv').model);
    const [, json] = exportFixed(program, {
      name: 'm',
      sha256: 'a',
      accumulatorBits: 24,
      vectors: vectorsOf(program, 1),
    });
    const document = JSON.parse(json!.data as string);
    const [step] = program.steps;
    if (step?.op !== 'conv') throw new Error('no conv');
    const { list } = {
      list: document.constants as { name: string; base64: string; offset: number }[],
    };
    const bytes = (name: string) =>
      Uint8Array.from(Buffer.from(list.find((c) => c.name === name)!.base64, 'base64'));
    expect(new Int8Array(bytes('w0').buffer)).toEqual(step.weights);
    expect(new Int32Array(bytes('b0').buffer)).toEqual(step.bias);
    expect(Array.from(new Int8Array(bytes('s0').buffer))).toEqual(step.requantize!.shift);
    expect(document).toMatchObject({ format: 'vernier-fixed', version: 1, accumulator_bits: 24 });
    expect(document.tensors[0]).toMatchObject({ role: 'input', format: 'Q4.4', fraction: 4 });
    expect(document.steps[0].sum).toMatchObject({ low: step.sum.low, high: step.sum.high });
    expect(document.vectors).toHaveLength(1);
  });

  it.each(['', '123456789', 'Vernier'])('has the CRC-32 of zlib: %j', (text) => {
    const bytes = new TextEncoder().encode(text);
    expect(crc32(bytes)).toBe(zlibCrc32(bytes));
  });

  it('keeps names from ending comments and strings', async () => {
    const { model } = buildCase('Relu');
    for (const node of model.graph.node) node.name = `a*/"b\\${node.name}?/*`;
    const program = await readFixedProgram(model);
    const prefix = write(program, 'names');
    if (!hasGcc) return;
    const main = `#include <stdio.h>\n${include(prefix, 'names')}\nint main(void) { puts(names_layers[0].name); return 0; }\n`;
    expect(runC(main).trim()).toBe('a*/"b\\op?/*');
  });
});
