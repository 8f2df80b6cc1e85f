import type { LayerResult, RunResult } from '../../results';
import { baseLayout, escapeHtml, plotlyConfig, type Figure } from './figure';
import { db } from './numbers';
import { tableHtml, tableText, type Table } from './table';

interface Measure {
  name: string;
  of: (layer: LayerResult) => number | null;
}

/** The errors in decibels that one colour scale can show side by side. */
export const measures: Measure[] = [
  { name: 'local', of: (layer) => layer.local?.sqnrDb ?? null },
  { name: 'accumulated', of: (layer) => layer.accumulated?.sqnrDb ?? null },
  { name: 'only this layer', of: (layer) => layer.onlyThisDb },
];

/** From much noise (dark) to none (light): one hue, ordered in lightness, so that it reads without colour. */
export const scale: [number, string][] = [
  [0, '#5a1a00'],
  [0.25, '#a63603'],
  [0.5, '#e6550d'],
  [0.75, '#fdae6b'],
  [1, '#feedde'],
];
export const scaleDb = { low: 0, high: 50 };

/** Layers × measures: where the noise comes in (local), and where it has gathered (accumulated). */
export function heatmapFigure(result: RunResult): Figure {
  const layers = result.layers.filter((layer) => measures.some(({ of }) => of(layer) !== null));
  const used = measures.filter(({ of }) => layers.some((layer) => of(layer) !== null));
  const title = `Error of ${layers.length} layers, SQNR in dB (less is worse)`;
  const values = layers.map((layer) => used.map(({ of }) => of(layer)));
  const table: Table = {
    caption: title,
    columns: [{ name: 'Layer' }, ...used.map(({ name }) => ({ name, right: true }))],
    rows: layers.map((layer, i) => [layer.name, ...(values[i] ?? []).map(db)]),
  };
  return {
    title,
    plotly: {
      data: [
        {
          type: 'heatmap',
          x: used.map(({ name }) => name),
          y: layers.map((layer) => layer.name),
          z: values,
          text: values.map((row) => row.map(db)),
          texttemplate: '%{text}',
          hovertemplate: '%{y}<br>%{x}: %{text} dB<extra></extra>',
          colorscale: scale,
          zmin: scaleDb.low,
          zmax: scaleDb.high,
          colorbar: { title: { text: 'dB' }, thickness: 12 },
          xgap: 1,
          ygap: 1,
        },
      ],
      layout: {
        ...baseLayout(title, 110 + 20 * layers.length),
        xaxis: { side: 'top', fixedrange: true },
        yaxis: { autorange: 'reversed', automargin: true, tickfont: { size: 10 } },
        margin: { l: 8, r: 24, t: 64, b: 16 },
      },
      config: plotlyConfig,
    },
    svg: heatmapSvg(
      title,
      layers,
      used.map(({ name }) => name),
      values,
    ),
    html: tableHtml(table),
    text: tableText(table),
  };
}

/** Colour of a value in decibels, on the scale above; grey where nothing was measured. */
export function colourOf(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '#dddddd';
  const { low, high } = scaleDb;
  const at = Math.min(1, Math.max(0, (value - low) / (high - low)));
  const next = scale.findIndex(([stop]) => stop >= at);
  const [from, to] = [scale[Math.max(0, next - 1)], scale[next]];
  if (!from || !to || from === to) return (to ?? from)?.[1] ?? '#dddddd';
  const part = (at - from[0]) / (to[0] - from[0]);
  const mix = [1, 3, 5].map((i) => {
    const a = parseInt(from[1].slice(i, i + 2), 16);
    const b = parseInt(to[1].slice(i, i + 2), 16);
    return Math.round(a + (b - a) * part)
      .toString(16)
      .padStart(2, '0');
  });
  return `#${mix.join('')}`;
}

function heatmapSvg(
  title: string,
  layers: LayerResult[],
  columns: string[],
  values: (number | null)[][],
): string {
  const [label, cell, row, top] = [240, 110, 20, 52];
  const parts = layers.flatMap((layer, i) => {
    const y = top + i * row;
    const name = layer.name.length > 36 ? `…${layer.name.slice(-35)}` : layer.name;
    return [
      `<text x="${label - 8}" y="${y + 14}" text-anchor="end">${escapeHtml(name)}</text>`,
      ...(values[i] ?? []).map((value, j) => {
        const x = label + j * cell;
        const dark = value !== null && value < (scaleDb.low + scaleDb.high) / 2;
        return (
          `<rect x="${x}" y="${y}" width="${cell - 1}" height="${row - 1}" fill="${colourOf(value)}"/>` +
          `<text x="${x + cell / 2}" y="${y + 14}" text-anchor="middle" fill="${dark ? '#ffffff' : '#222222'}">${db(value)}</text>`
        );
      }),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${label + cell * columns.length + 16}" height="${top + row * layers.length + 12}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${escapeHtml(title)}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="8" y="18" font-size="13">${escapeHtml(title)}</text>`,
    ...columns.map(
      (name, j) =>
        `<text x="${label + j * cell + cell / 2}" y="${top - 8}" text-anchor="middle">${escapeHtml(name)}</text>`,
    ),
    ...parts,
    '</svg>',
  ].join('\n');
}
