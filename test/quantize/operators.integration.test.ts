/**
 * What the runtime makes of DequantizeLinear → operator → QuantizeLinear (DESIGN §4.3), and that the table of
 * operators says the same.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx';
import { COLUMNS, integerRule, operatorKey, ROWS, targetRule } from '../../src/quantize/operators';
import { optimizedGraph } from '../../src/runtime/optimized';
import { runtimeVersion } from '../../src/runtime/session';
import { buildCase, CASES, SCALE, type CodeType } from './operator-cases';

const GOLDEN = path.join(import.meta.dirname, 'operators.golden.json');

/** How the runtime executes an operator: an integer kernel's name, `codes` (it moves them as they are) or `float`. */
interface Row {
  /** Where input and output have one scale. */
  same: string;
  /** Where they have two. */
  different: string;
  /** Where the result is wanted in float. */
  float: string;
}
interface Golden {
  runtime: string;
  machine: string;
  uint8: Record<string, Row>;
  int8: Record<string, Row>;
}

const rowOf = (name: string) => name.split(' ')[0]!;
const sinceOf = new Map(ROWS.map((row) => [operatorKey(row.op, row.domain), row.since]));

/** What the optimized graph does between codes and codes. */
async function executes(name: string, type: CodeType, scale: number | null): Promise<string> {
  const opset = Math.max(17, name.includes('.') ? 0 : sinceOf.get(rowOf(name))!);
  const model = buildCase(name, type, opset, scale);
  const { graph } = await optimizedGraph(serializeModel(model));
  const kernel = graph.node.find((n) => /^Q(Linear|Gemm)|^MatMulInteger/.test(n.opType));
  if (kernel) return kernel.opType;
  const dequantized = new Set(
    graph.node.filter((n) => n.opType === 'DequantizeLinear').flatMap((n) => n.output),
  );
  const floats = graph.node.filter(
    (n) => n.opType !== 'QuantizeLinear' && n.input.some((input) => dequantized.has(input)),
  );
  return floats.length > 0 ? 'float' : 'codes';
}

const actual: Golden = {
  runtime: runtimeVersion(),
  machine: process.arch,
  uint8: {},
  int8: {},
};
beforeAll(async () => {
  for (const type of ['uint8', 'int8'] as const)
    for (const name of Object.keys(CASES))
      actual[type][name] = {
        same: await executes(name, type, SCALE),
        different: await executes(name, type, 0.05),
        float: await executes(name, type, null),
      };
}, 120_000);

const variants = (key: string) => Object.keys(CASES).filter((name) => rowOf(name) === key);

describe('operators between DQ and Q', () => {
  it('run as they did when the table was made', () => {
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Golden;
    const text = `${JSON.stringify(actual, null, 2)}\n`;
    if (text !== readFileSync(GOLDEN, 'utf8')) writeFileSync(`${GOLDEN}.actual`, text);
    // another runtime: look at the differences, change the table, and take the .actual file over
    expect(actual.runtime).toBe(golden.runtime);
    expect(actual.uint8).toEqual(golden.uint8);
    if (actual.machine === golden.machine) expect(actual.int8).toEqual(golden.int8);
  });

  it.each(ROWS.map((row) => operatorKey(row.op, row.domain)))('%s has a case', (key) => {
    expect(variants(key).length).toBeGreaterThan(0);
  });

  it.each(Object.keys(COLUMNS.cpu))('%s is what the table says', (key) => {
    const [op, domain] = [key.split('.').at(-1)!, key.split('.').slice(0, -1).join('.')];
    const rule = targetRule(op, domain)!;
    const own = variants(key).map((name) => [name, actual.uint8[name]!] as const);
    // a layer that is to be taken apart runs in float as it is: test/quantize/recurrent looks at what becomes of it
    if (rule.form === 'float' || rule.form === 'apart') {
      for (const [name, row] of own.filter(([name]) => name !== 'ArgMax'))
        expect(row, name).toEqual({ same: 'float', different: 'float', float: 'float' });
      return;
    }
    const usable = own.filter(([name]) => !FLOAT_VARIANTS.has(name));
    expect(usable.length).toBeGreaterThan(0);
    for (const [name, row] of usable) {
      // an Identity vanishes, and what is left is a Q behind a DQ
      if (op !== 'Identity') expect(row.different, name).toBe(rule.kernel ?? 'float');
      if (rule.form === 'passthrough') expect(row.same, name).toBe('codes');
      else expect(row.same, name).toBe(rule.kernel);
      if (rule.form === 'weight' && rule.floatOutput) expect(row.float, name).not.toBe('float');
      else if (rule.form !== 'passthrough') expect(row.float, name).toBe('float');
    }
  });

  it('knows every operator that the runtime executes in integers', () => {
    for (const [name, row] of Object.entries(actual.uint8)) {
      const key = rowOf(name);
      const integer = row.same !== 'float' && name !== 'ArgMax';
      if (integer) expect(integerRule(key, ''), name).toBeDefined();
    }
  });
});

/** Forms of an operator that run in float although others of it do not: what `only` and the placement leave out. */
const FLOAT_VARIANTS = new Set([
  'MaxPool with indices',
  'Resize linear',
  'Resize cubic',
  'MatMul with its weight first',
  'Gather of a table',
]);
