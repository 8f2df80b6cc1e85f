import { describe, expect, it } from 'vitest';
import { csvTables } from '../../src/report/csv';
import { renderHtml } from '../../src/report/html';
import { renderMarkdown } from '../../src/report/markdown';
import type { RunResult } from '../../src/results';
import { bareResult, layerResult, modelSummary, runResult, tanhBreak } from '../fixtures/result';

/** A result in which every text is an attack. */
function hostile(): RunResult {
  const evil = `"'><script>alert(1)</script>\`|[x](javascript:1)`;
  const text = JSON.stringify(runResult(), (key, value: unknown) =>
    typeof value === 'string' &&
    !['mode', 'precision', 'executed', 'wish', 'status', 'severity', 'verdict', 'metric'].includes(
      key,
    )
      ? evil
      : value,
  );
  return JSON.parse(text) as RunResult;
}

describe('renderHtml', () => {
  it('holds every part', () => {
    const html = renderHtml(runResult(), modelSummary());
    const ids = [...html.matchAll(/<section id="([^"]+)"/g)].map((m) => m[1]);
    expect(ids).toEqual([
      'verdict',
      'worst',
      'errors',
      'layers',
      'ranges',
      'fusions',
      'bytes',
      'outputs',
      'load',
      'provenance',
      'notes',
    ]);
    for (const id of ids) expect(html).toContain(`href="#${id}"`);
    expect(html).toContain('is faster, 1.9 × (1.8 × … 2.0 ×) at 26.8 % of the size');
    expect(html).toContain('11.2 dB at the output');
    expect(html).not.toContain('random calibration data');
  });

  it('needs nothing from elsewhere', () => {
    const html = renderHtml(runResult(), modelSummary());
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|https?:\/\//);
    expect(html).toContain("default-src 'none'");
  });

  it('says at the top that data was random', () => {
    const calibration = { samples: 8, source: 'random', random: true };
    const html = renderHtml(runResult({ calibration }), null);
    expect(html.indexOf('random calibration data')).toBeLessThan(html.indexOf('class="lead"'));
  });

  it('says at the top that limits were not met', () => {
    const limits = [{ limit: 'p99_ms', wanted: 0.1, got: 0.35, met: false }];
    expect(renderHtml(runResult({ limits }), null)).toMatch(/limits not met<\/span> p99_ms/);
  });

  it('invents nothing where nothing was measured', () => {
    const html = renderHtml(bareResult(), null);
    expect(html).toContain('was not measured for speed or size');
    expect(html).toContain('not measured');
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('escapes every text', () => {
    const html = renderHtml(hostile(), modelSummary({ producer: '<script>' }));
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(title|aria-label)="[^"]*'>/);
  });

  it('stands layers without numbers', () => {
    const bare = layerResult('x', { local: null, accumulated: null, macs: null, executed: null });
    expect(renderHtml(runResult({ layers: [bare] }), null)).not.toMatch(/NaN|undefined/);
  });
});

describe('renderMarkdown', () => {
  it('has one row per line and the verdict', () => {
    const markdown = renderMarkdown(runResult());
    expect(markdown).toContain('| Layers | 3 | 2 in INT8 | 1 kept in FP32 |');
    expect(markdown).toContain('- `/conv2/Conv` costs 11.2 dB at the output');
  });

  it('lets no text become markup', () => {
    const markdown = renderMarkdown(hostile());
    const prose = markdown.replace(/\\./g, '').replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
    expect(prose).not.toMatch(/<script|\]\(javascript/);
  });
});

it('tells everything that was measured of layer errors', () => {
  const layerMatch = { found: 2, of: 3, unmatched: ['/x<y>'] };
  const html = renderHtml(runResult({ layerMatch }), modelSummary());
  expect(html).toContain(
    '2 of 3 layers were found in the written model (66.7 %); not /x&lt;y&gt;.',
  );
  for (const text of ['rmse/scale', 'Kurtosis', '>0.8<', '>−0.3<', '>4.1<', '>0.9980<'])
    expect(html).toContain(text);
});

it('tells what frees a blocked fusion, and where integers are interrupted', () => {
  const html = renderHtml(runResult({ breaks: [tanhBreak()] }), modelSummary());
  for (const text of [
    ...['Let that node read the result.', 'runtime (basic): ConvBNFusion'],
    ...['no integer kernel for Tanh', 'Put an operator with an integer kernel in its place.'],
  ])
    expect(html).toContain(text);
  expect(html).not.toContain('Converting');
  const timed = tanhBreak({ conversionMs: 0.125, floatMs: 0.5 });
  const withTimes = renderHtml(runResult({ breaks: [timed, tanhBreak()] }), modelSummary());
  for (const text of ['Converting', 'In float', '0.125 ms', '0.5 ms'])
    expect(withTimes).toContain(text);
});

it('csvTables write full numbers and quote what needs it', () => {
  const tables = csvTables(
    runResult({ layers: [layerResult('a,"b"', { macs: null, noiseShareBy: 'two-pass' })] }),
  );
  expect(tables.map(({ name }) => name)).toEqual([
    'layers',
    'ranges',
    'fusions',
    'outputs',
    'bytes',
  ]);
  const [, row] = tables[0]!.csv.split('\r\n');
  expect(row).toBe(
    '"a,""b""",Conv,Conv 3×3,int8,int8,QLinearConv,,,38.2,24.5,33.1,31,32.4,0.4,1.5,0.12,two-pass,0.4,0,0.81,,,,,,,0.9999,0.02,0.16,0.998,0.31,0.8,0.001,-0.3,4.1',
  );
});
