import type { RangeSummary } from '../../results';
import { baseLayout, escapeHtml, plotlyConfig, type Figure } from './figure';
import { counted, percent, significant } from './numbers';
import { tableHtml, tableText, type Table } from './table';

/** Less than this is nothing. */
const LEAST_GROWTH = 1e-4;

/** Values that calibration saw, one bar a tensor from its smallest to its largest. */
export function rangesFigure(ranges: readonly RangeSummary[], samples: number): Figure {
  const title = `Ranges of ${counted(ranges.length, 'tensor')} over ${counted(samples, 'sample')}`;
  const table = rangesTable(ranges);
  return {
    title,
    plotly: {
      data: [
        {
          type: 'bar',
          orientation: 'h',
          y: ranges.map((range) => range.tensor),
          base: ranges.map((range) => range.min),
          x: ranges.map((range) => range.max - range.min),
          customdata: ranges.map((range) => [
            significant(range.min),
            significant(range.max),
            significant(range.scale),
            range.zeroPoint ?? '–',
          ]),
          hovertemplate:
            '%{y}<br>%{customdata[0]} … %{customdata[1]}<br>' +
            'scale %{customdata[2]}, zero point %{customdata[3]}<extra></extra>',
          marker: { color: '#3794ff' },
        },
      ],
      layout: {
        ...baseLayout(title, 90 + 18 * ranges.length),
        xaxis: { title: { text: 'value' }, zeroline: true, automargin: true },
        yaxis: { autorange: 'reversed', automargin: true, tickfont: { size: 10 } },
        bargap: 0.35,
      },
      config: plotlyConfig,
    },
    svg: rangesSvg(ranges, title),
    html: tableHtml(table),
    text: tableText({ ...table, caption: title }),
  };
}

/** Ranges as a table: what was chosen, and what of the data speaks against it. */
export function rangesTable(ranges: readonly RangeSummary[]): Table {
  return {
    columns: [
      { name: 'Tensor' },
      { name: 'Min', right: true },
      { name: 'Max', right: true },
      { name: 'Scale', right: true },
      { name: 'Zero point', right: true },
      { name: 'Half the samples', right: true },
      { name: 'Outside', right: true },
      { name: 'Not finite' },
    ],
    rows: ranges.map((range) => [
      range.tensor,
      significant(range.min),
      significant(range.max),
      significant(range.scale),
      range.zeroPoint === null ? '–' : String(range.zeroPoint),
      narrower(range.growth),
      percent(range.outOfRange),
      notFiniteText(range),
    ]),
  };
}

/** How many samples were not finite at a tensor, and which. */
export function notFiniteText({ notFinite, notFiniteIn = [] }: RangeSummary): string {
  if (notFinite === 0) return '';
  const more = notFinite > notFiniteIn.length ? ', …' : '';
  return `${counted(notFinite, 'sample')}: ${notFiniteIn.join(', ')}${more}`;
}

/** How much narrower half of the samples would leave a range. */
export function narrower(growth: number | null): string {
  if (growth === null) return '–';
  return growth < LEAST_GROWTH ? '0 %' : `−${percent(growth)}`;
}

function rangesSvg(ranges: readonly RangeSummary[], title: string): string {
  const [label, width, row, top] = [240, 420, 18, 32];
  const finite = ranges.flatMap((range) => [range.min, range.max]).filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const x = (value: number) => label + ((value - low) / (high - low || 1)) * width;
  const height = top + row * ranges.length + 24;
  const bars = ranges.map((range, i) => {
    const y = top + i * row;
    const name = range.tensor.length > 36 ? `…${range.tensor.slice(-35)}` : range.tensor;
    const size = Math.max(1, x(range.max) - x(range.min));
    return (
      `<text x="${label - 8}" y="${y + 12}" text-anchor="end">${escapeHtml(name)}</text>` +
      (Number.isFinite(size)
        ? `<rect x="${x(range.min).toFixed(1)}" y="${y + 3}" width="${size.toFixed(1)}" height="12" fill="#3794ff"/>`
        : '')
    );
  });
  const zero = x(0).toFixed(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${label + width + 24}" height="${height}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${escapeHtml(title)}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="8" y="18" font-size="13">${escapeHtml(title)}</text>`,
    ...bars,
    `<line x1="${zero}" x2="${zero}" y1="${top}" y2="${height - 20}" stroke="#888888"/>`,
    `<text x="${label}" y="${height - 6}">${significant(low)}</text>`,
    `<text x="${label + width}" y="${height - 6}" text-anchor="end">${significant(high)}</text>`,
    '</svg>',
  ].join('\n');
}
