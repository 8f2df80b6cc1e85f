/** Metrics of the user's own: what a module is given, what it may export, and what is said where it fails. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { builtInMetric, openMetricModule, type Metric, type Scored } from '../../src/data';
import type { TensorValue } from '../../src/data/source';
import { temporaryFolder } from '../lib/files';

const folder = temporaryFolder();
const hashOf = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

let made = 0;
/** A module with this text, in a file of its own. */
function module(text: string): `${string}.mjs` {
  const name = `metric-${made++}.mjs` as const;
  folder.put(name, text);
  return name;
}
const open = (name: `${string}.mjs`) => openMetricModule(name, folder.dir, hashOf);
const metricOf = (text: string) => open(module(text));

const floats = (...values: number[]): TensorValue => ({
  type: 'float32',
  dims: [1, values.length],
  data: Float32Array.from(values),
});

function sample(more: Partial<Scored> = {}): Scored {
  const outputs = { scores: floats(1, 5, 2) };
  return {
    outputs,
    expected: outputs,
    inputs: { ids: { type: 'int64', dims: [2], data: BigInt64Array.of(7n, 8n) } },
    first: 'scores',
    label: { kind: 'class', values: Int32Array.of(1) },
    index: 3,
    file: '/data/a.npy',
    of: 'the quantized model',
    ...more,
  };
}

const TOP1 = `export default ({ outputs: { scores: { data } }, label }) =>
  data.indexOf(Math.max(...data)) === label ? 1 : 0;`;
const MSE = `export const higherIsBetter = false;
export default ({ outputs, labels }) => {
  const { data } = Object.values(outputs)[0];
  return data.reduce((sum, x, i) => sum + (x - labels[i]) ** 2, 0) / data.length;
};`;

describe('a metric of one’s own', () => {
  it('scores as ours do, where it computes the same', async () => {
    const top1 = await metricOf(TOP1);
    const mse = await metricOf(MSE);
    const targets = { kind: 'target', values: Float64Array.of(0.5, 4, 2) } as const;
    for (const outputs of [{ scores: floats(1, 5, 2) }, { scores: floats(9, 5, 2) }]) {
      expect(await top1.score(sample({ outputs }))).toBe(
        builtInMetric('top1').score(sample({ outputs })),
      );
      const labelled = sample({ outputs, label: targets });
      expect(await mse.score(labelled)).toBe(builtInMetric('mse').score(labelled));
    }
    expect([top1.higherIsBetter, mse.higherIsBetter]).toEqual([true, false]);
  });

  it('is told all of a sample, in numbers', async () => {
    const summarize = 'export const summarize = (scores) => scores.length;\n';
    const { score } = await metricOf(
      `${summarize}export default ({ outputs, expected, inputs, label, labels, index, file }) => ({
        outputs: outputs.half, expected: Array.from(expected.half.data), ids: inputs.ids,
        label, labels, index, file })`,
    );
    const half: TensorValue = { type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0x4000) };
    const label = { kind: 'target', values: Float64Array.of(0.5, 1.5) } as const;
    const outputs = { half };
    expect(await score(sample({ outputs, expected: { half }, label }))).toEqual({
      outputs: { type: 'float16', dims: [2], data: Float32Array.of(1, 2) },
      expected: [1, 2],
      ids: { type: 'int64', dims: [2], data: Float64Array.of(7, 8) },
      ...{ label: null, labels: Float64Array.of(0.5, 1.5), index: 3, file: '/data/a.npy' },
    });
    expect(await score(sample({ outputs, expected: { half }, label: null }))).toMatchObject({
      label: null,
      labels: null,
    });
  });

  it('cannot change what it is given', async () => {
    const { score } = await metricOf(
      `export default ({ outputs, expected, labels }) => {
        outputs.scores.data.sort(); expected.scores.data.fill(0); labels[0] = 9;
        return outputs.scores.data[0] + outputs.scores.data[2]; }`,
    );
    const given = sample();
    expect(await score(given)).toBe(6);
    expect(given).toEqual(sample());
  });

  it('may wait, and say how it is shown', async () => {
    const { score, own } = await metricOf(
      `export const name = 'F1', unit = '%';
      export default async () => { await null; return 4; }`,
    );
    expect([await score(sample()), own]).toEqual([4, { name: 'F1', unit: '%' }]);
    const name = module('export default () => 1');
    expect((await open(name)).own).toEqual({ name: name.replace('.mjs', ''), unit: '' });
  });

  it('is loaded anew when its file, or one that it reads, has changed, and not else', async () => {
    const counted = `globalThis.loads = (globalThis.loads ?? 0) + 1;
      import { readFileSync } from 'node:fs';
      const read = readFileSync(new URL('./numbers.txt', import.meta.url), 'utf8');
      export const files = ['./numbers.txt'];
      export default () => Number(read);`;
    folder.put('numbers.txt', '5');
    const name = module(counted);
    const found: [unknown, number][] = [];
    const keys = new Set<string>();
    const look = async () => {
      const metric: Metric = await open(name);
      keys.add(metric.key);
      found.push([await metric.score(sample()), (globalThis as { loads?: number }).loads!]);
    };
    await look();
    await look();
    folder.put('numbers.txt', '6');
    await look();
    await look();
    folder.put(name, counted.replace('Number(read)', 'Number(read) + 1'));
    await look();
    expect(found.map(([score]) => score)).toEqual([5, 5, 6, 6, 7]);
    expect(found.map(([, loads]) => loads)).toEqual([1, 1, 2, 2, 3]);
    expect(keys.size).toBe(3);
  });

  it.each<[string, string, string, object]>([
    ['a slip of syntax', 'export default () => {', 'metric.does-not-load', {}],
    [
      'a slip when it is loaded',
      '\nnull.x;\nexport default () => 1',
      'metric.does-not-load',
      { line: 2 },
    ],
    ['a package that is not there', "import 'no-such-package-here';", 'metric.does-not-load', {}],
    ['an import of a neighbour', "import { x } from './x.mjs';", 'metric.does-not-load', {}],
    ['a bare import of one', "import './x.mjs';", 'metric.does-not-load', {}],
    ['an import of some lines', "import {\n  a,\n} from '../x.mjs';", 'metric.does-not-load', {}],
    ['an export from one', "export * from './x.mjs';", 'metric.does-not-load', {}],
    ['no default export', 'export const score = () => 1', 'metric.contract', {}],
    ['a default that is no function', 'export default 1', 'metric.contract', {}],
    [
      'a word for a flag',
      "export default () => 1; export const higherIsBetter = 'no'",
      'metric.contract',
      {},
    ],
    [
      'a misspelt flag',
      'export default () => 1; export const higher_is_better = false',
      'metric.contract',
      {},
    ],
    [
      'a long name',
      `export default () => 1; export const name = '${'x'.repeat(41)}'`,
      'metric.contract',
      {},
    ],
    [
      'a file that is not there',
      "export default () => 1; export const files = ['no.txt']",
      'metric.not-found',
      {},
    ],
  ])('is refused with %s', async (_, text, code, place) => {
    const name = module(text);
    await expect(open(name)).rejects.toMatchObject({
      code,
      place: { file: folder.at(name), remedy: expect.any(String), ...place },
    });
  });

  it('is refused where it is not there', async () => {
    await expect(open('none.mjs')).rejects.toMatchObject({
      code: 'metric.not-found',
      place: { file: folder.at('none.mjs') },
    });
  });

  it('may talk of its neighbours’ types in comments, and be loaded again once it is mended', async () => {
    const name = module("/** @param {import('./x.mjs').T} t */\nexport default () => {");
    await expect(open(name)).rejects.toMatchObject({ code: 'metric.does-not-load' });
    folder.put(name, "/** @param {import('./x.mjs').T} t */\nexport default () => 2;");
    expect(await (await open(name)).score(sample())).toBe(2);
  });

  it.each<[string, string, string, number | undefined]>([
    ['throws', "export default () => {\n  throw new Error('no box');\n}", 'metric.throws', 2],
    ['throws no error', "export default () => { throw 'no box' }", 'metric.throws', undefined],
    ['rejects', "export default async () => { throw new Error('no box') }", 'metric.throws', 1],
    ['gives NaN', 'export default () => NaN', 'metric.bad-score', undefined],
    ['gives infinity', 'export default () => 1 / 0', 'metric.bad-score', undefined],
    ['gives a boolean', 'export default () => true', 'metric.bad-score', undefined],
    ['gives a text', "export default () => '1'", 'metric.bad-score', undefined],
    ['gives nothing', 'export default () => {}', 'metric.bad-score', undefined],
    [
      'gives a function to summarize',
      'export default () => () => 1; export const summarize = () => 1',
      'metric.bad-score',
      undefined,
    ],
  ])('that %s is named with the sample', async (_, text, code, line) => {
    const name = module(text);
    const { score } = await open(name);
    const error = await Promise.resolve(score(sample())).then(
      () => null,
      (e: unknown) => e as { message: string },
    );
    expect(error).toMatchObject({
      code,
      place: { file: folder.at(name), remedy: expect.any(String) },
    });
    expect((error as { place?: { line?: number } } | null)?.place?.line).toBe(line);
    expect(error?.message).toContain('sample 3 (a.npy) of the quantized model');
    if (code === 'metric.throws') expect(error?.message).toContain('no box');
  });

  it('summarizes scores that it cannot change afterwards', async () => {
    const { score, summarize } = await metricOf(
      `const shared = { seen: 0 };
      export default () => { shared.seen++; return shared; }
      export const summarize = (scores) => scores.reduce((sum, s) => sum + s.seen, 0);`,
    );
    expect(summarize!([await score(sample()), await score(sample())])).toBe(3);
    const wrong = await metricOf("export default () => 1; export const summarize = () => 'much';");
    expect(() => wrong.summarize!([1])).toThrow(
      expect.objectContaining({ code: 'metric.bad-score' }),
    );
  });
});
