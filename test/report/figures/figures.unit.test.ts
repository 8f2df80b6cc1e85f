import { describe, expect, it } from 'vitest';
import { escapeHtml } from '../../../src/report/figures/figure';
import { colourOf, heatmapFigure } from '../../../src/report/figures/heatmap';
import { layersTable, summaryTable, worstLayers } from '../../../src/report/figures/layers';
import {
  bytes,
  count,
  db,
  decibels,
  percent,
  significant,
  times,
} from '../../../src/report/figures/numbers';
import { rangesFigure } from '../../../src/report/figures/ranges';
import { tableCsv, tableHtml, tableText } from '../../../src/report/figures/table';
import { verdictLine, verdictTable } from '../../../src/report/figures/verdict';
import type { LayerResult, ModelSummary, RangeSummary, RunResult } from '../../../src/results';

const layer = (name: string, more: Partial<LayerResult> = {}) =>
  ({
    name,
    kind: 'Conv 3×3',
    precision: 'int8',
    executed: 'int8',
    reason: null,
    local: { sqnrDb: 30 },
    accumulated: { sqnrDb: 20.04 },
    onlyThisDb: null,
    noiseShare: null,
    costsDb: null,
    hurts: false,
    ...more,
  }) as LayerResult;

const result = {
  mode: 'static',
  layers: [
    layer('/conv1', { hurts: true, costsDb: 3, noiseShare: 0.2 }),
    layer('/conv2', { hurts: true, costsDb: 11.2, noiseShare: 0.6 }),
    layer('/fc', { executed: 'float32', local: null, accumulated: null, reason: 'You keep it.' }),
  ],
  int8MacShare: 0.985,
  size: { fp32: 469_528, int8: 126_000, parts: [] },
  sqnrDb: { scores: 12.34 },
  evaluatedOn: { samples: 480, source: 'evaluation.npz', heldBack: false },
  latency: { fp32Ms: 0.42, int8Ms: 0.22, speedup: 1.91, low: 1.8, high: 2, verdict: 'faster' },
  accuracy: {
    metric: 'top1',
    fp32: 0.9,
    int8: 0.885,
    low: -0.03,
    high: 0.005,
    n: 480,
    higherIsBetter: true,
    unproven: true,
    labels: null,
    neededN: null,
  },
  agreement: { value: 0.97, n: 480 },
  calibration: { samples: 64, source: 'calibration.npy', random: false },
  calibrationReport: null,
} as unknown as RunResult;

describe('numbers', () => {
  it.each([
    [db(31.23), '31.2'],
    [db(150), 'exact'],
    [decibels(31.2), '31.2 dB'],
    [decibels(150), 'exact'],
    [decibels(null), '–'],
    [db(-1.08), '-1.1'],
    [db(null), '–'],
    [times(1.91), '1.9 ×'],
    [times(0.456), '0.46 ×'],
    [significant(0.012345), '0.0123'],
    [significant(-3.14159), '−3.14'],
    [significant(123456), '123456'],
    [significant(1e-7), '1.00e−7'],
    [significant(0), '0'],
    [significant(-Infinity), '−∞'],
    [percent(0.2671), '26.7 %'],
    [bytes(469_528), '470 kB'],
    [bytes(0), '0 B'],
    [count(1_240_000), '1.24 M'],
    [count(undefined), '–'],
  ])('%s is %s', (shown, wanted) => {
    expect(shown).toBe(wanted);
  });
});

describe('tables', () => {
  const table = {
    columns: [{ name: 'Layer' }, { name: 'dB', right: true }],
    rows: [
      ['<a>&"', '1.0'],
      ['b, c', '12.0'],
    ],
  };

  it('are safe in HTML', () => {
    expect(tableHtml(table)).toContain('>&lt;a&gt;&amp;&quot;</td>');
    expect(escapeHtml("'")).toBe('&#39;');
  });

  it('line up as text', () => {
    expect(tableText(table)).toBe('Layer    dB\n<a>&"   1.0\nb, c   12.0');
  });

  it('are quoted as CSV', () => {
    expect(tableCsv(table)).toBe('Layer,dB\r\n"<a>&""",1.0\r\n"b, c",12.0\r\n');
  });

  it('of layers say what runs and why not INT8', () => {
    const [first, second, third] = result.layers;
    const shifts = [
      { before: 0.0361, after: 0.00313, kept: true },
      { before: 0.0361, after: 0.04, kept: false },
    ];
    const layers = [
      { ...first!, biasShift: shifts[0]! },
      { ...second!, biasShift: shifts[1]! },
      third!,
    ];
    expect(layersTable({ ...result, layers }).rows).toEqual([
      ['/conv1', 'Conv 3×3', '8', '30.0', '20.0', '3.0', '0.0361 → 0.00313', '–', ''],
      ['/conv2', 'Conv 3×3', '8', '30.0', '20.0', '11.2', '0.0361', '–', ''],
      ['/fc', 'Conv 3×3', 'F', '–', '–', '–', '–', '–', 'You keep it.'],
    ]);
    expect(worstLayers(result).map(({ name }) => name)).toEqual(['/conv2', '/conv1']);
  });

  it.each([
    ['static', 'INT8', 'Why not INT8', 'MACs in INT8'],
    ['dynamic', 'INT8', 'Why not INT8', 'MACs in INT8'],
    ['float16', 'Float16', 'Why not in float16', 'Mode'],
    ['weight-only', 'Weight-only', 'Why not with smaller weights', 'Mode'],
    ['float32', 'Written', 'Why not changed', 'Mode'],
  ] as const)('of mode %s say INT8 only where it has integers', (mode, column, why, row) => {
    const verdict = verdictTable({ ...result, mode });
    expect(verdict.columns[2]!.name).toBe(column);
    expect(verdict.rows.map(([name]) => name)).toContain(row);
    expect(layersTable({ ...result, mode }).columns.at(-1)!.name).toBe(why);
    if (row === 'Mode') expect(tableText(verdict)).not.toContain('INT8');
  });

  it('of a model before a run', () => {
    const summary = {
      bytes: 1000,
      parameters: 2000,
      opset: 17,
      layers: [
        { name: 'a', kind: 'Gemm', outputShape: [1, 'n', null], macs: null, parameters: 10 },
      ],
    } as unknown as ModelSummary;
    const { text } = summaryTable(summary);
    expect(text).toContain('1 layers, 2 k parameters, 1 kB, opset 17');
    expect(text).toContain('1×n×?');
  });
});

describe('verdict', () => {
  it('never gives a percentage without its n, and says what is not proven', () => {
    const rows = verdictTable(result).rows;
    expect(rows).toContainEqual([
      'top1',
      '90 %',
      '88.5 %',
      '−1.5 pt (−3 … +0.5), n = 480, not proven',
    ]);
    expect(rows).toContainEqual(['Latency', '0.42 ms', '0.22 ms', '1.9 × (1.8 × … 2.0 ×)']);
    expect(rows).toContainEqual(['Same label as FP32', '', '97 %', 'n = 480']);
    expect(verdictLine(result)).toBe('12.3 dB, 1.9 ×');
  });

  it('tells the ends of a narrow interval apart', () => {
    const latency = { ...result.latency, speedup: 1.134, low: 1.121, high: 1.158 };
    const shown = (more: object) =>
      verdictTable({ ...result, latency: { ...latency, verdict: 'faster', ...more } as never })
        .rows[0]?.[3];
    expect(shown({})).toBe('1.13 × (1.12 × … 1.16 ×)');
    expect(shown({ low: 1.1339, high: 1.1341 })).toBe('1.134 × (1.134 × … 1.134 ×)');
    expect(shown({ speedup: 1.5, low: 1.01, high: 1.9 })).toBe('1.50 × (1.01 × … 1.90 ×)');
    expect(shown({ low: 0.78, verdict: 'not proven' })).toBe(
      '1.13 × (0.78 × … 1.16 ×), not proven',
    );
  });

  it('reads "not measured", never zero', () => {
    const nothing = { ...result, latency: null, accuracy: null, size: null, sqnrDb: {} };
    expect(verdictTable(nothing).rows[0]).toEqual(['Latency', 'not measured', 'not measured', '']);
    expect(verdictLine(nothing)).toBeNull();
  });

  it('marks random data', () => {
    const random = { ...result, calibration: { samples: 8, source: 'random', random: true } };
    expect(verdictTable(random).caption).toContain('random');
    expect(verdictLine(random)).toBe('12.3 dB, 1.9 × (random data)');
  });
});

describe('heat map', () => {
  const figure = heatmapFigure(result);

  it('has a row a measured layer and a column a measure', () => {
    const data = figure.plotly?.data[0] as { x: string[]; y: string[]; z: unknown };
    expect(data.x).toEqual(['local', 'accumulated']);
    expect(data.y).toEqual(['/conv1', '/conv2']);
    expect(data.z).toEqual([
      [30, 20.04],
      [30, 20.04],
    ]);
  });

  it('is the same as a picture and as text', () => {
    expect(figure.svg?.match(/<rect /g)).toHaveLength(1 + 4);
    expect(figure.text).toContain('/conv2   30.0         20.0');
  });

  it('goes from dark to light', () => {
    expect([-10, 0, 25, 50, 150].map(colourOf)).toEqual([
      '#5a1a00',
      '#5a1a00',
      '#e6550d',
      '#feedde',
      '#feedde',
    ]);
    expect(colourOf(null)).toBe('#dddddd');
    expect(colourOf(6.25)).toBe('#802802');
  });
});

describe('ranges', () => {
  const range = (tensor: string, min: number, max: number) =>
    ({ tensor, min, max, scale: (max - min) / 255, zeroPoint: 0 }) as RangeSummary;

  it('are bars from the smallest to the largest value', () => {
    const figure = rangesFigure([range('x', -1, 3), range('<y>', 0, 6)], 64);
    expect(figure.plotly?.data[0]).toMatchObject({ base: [-1, 0], x: [4, 6], y: ['x', '<y>'] });
    expect(figure.svg).toContain('&lt;y&gt;');
    expect(figure.text).toContain('Ranges of 2 tensors over 64 samples');
  });

  it('survives a range that is empty or not finite', () => {
    const figure = rangesFigure([range('flat', 0, 0), range('broken', NaN, Infinity)], 1);
    expect(figure.svg).not.toContain('NaN');
    expect(figure.html).toContain('∞');
  });
});
