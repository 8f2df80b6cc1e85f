import type { RangeDetail, WeightDetail } from '../../../src/protocol';
import { t } from '../../l10n';
import { sortChannels, type Channel } from '../../logic/channels';
import { formula, significant } from '../../logic/format';
import { codesOf } from '../../logic/quantized';
import { themedLayout } from '../../plotly';
import { palette, themeColor } from '../../theme';
import type { Figure } from '../parts/Plot';

/** Most channels that are named; more would hide each other. */
const NAMED = 8;

const colors = () => ({
  bars: themeColor('progressBar-background', 'charts-blue'),
  codes: themeColor('charts-green', 'foreground'),
  ends: themeColor('editorWarning-foreground', 'charts-yellow'),
  outlier: palette.value.fill[4],
});

/** Histogram of an activation with its integer codes and the ends of its range; below, its channels. */
export function rangeFigure(detail: RangeDetail, log: boolean): Figure {
  const codes = codesOf(detail);
  const ends = codes
    ? [codes.low, codes.high].map((at) => ({ at, text: significant(at) }))
    : [detail.min, detail.max].map((at) => ({ at, text: significant(at) }));
  const channels = detail.channels && sortChannels(detail.channels.min, detail.channels.max);
  return compose({
    edges: detail.edges,
    counts: detail.counts,
    log,
    title: codes ? `x ≈ ${formula(codes.scale, detail.zeroPoint ?? 0)}` : t('ranges.notQuantized'),
    ends,
    codes: codes && { ...codes, zero: detail.zeroPoint ?? 0 },
    channels,
    channelTitle: t('ranges.channels', { n: channels?.length ?? 0 }),
    logChannels: false,
  });
}

/** Histogram of a layer's weights; below, the largest magnitude of every channel. */
export function weightFigure(detail: WeightDetail, log: boolean): Figure {
  const channels = sortChannels(detail.channelMin, detail.channelTop);
  const { scales } = detail;
  return compose({
    edges: detail.edges,
    counts: detail.counts,
    log,
    title: scales?.length
      ? t(scales.length > 1 ? 'ranges.scales' : 'ranges.scale', {
          low: significant(Math.min(...scales)),
          high: significant(Math.max(...scales)),
          n: scales.length,
        })
      : t('ranges.notQuantized'),
    ends: [],
    codes: null,
    channels: channels.length > 1 ? channels : null,
    channelTitle: t('ranges.weightChannels', { n: channels.length }),
    logChannels: true,
  });
}

interface Parts {
  edges: readonly number[];
  counts: readonly number[];
  log: boolean;
  title: string;
  ends: { at: number; text: string }[];
  codes: { low: number; scale: number; first: number; last: number; zero: number } | null;
  channels: Channel[] | null;
  channelTitle: string;
  /** Magnitudes on a log axis: weights span decades. */
  logChannels: boolean;
}

function compose(parts: Parts): Figure {
  const { axis, layout } = themedLayout(themeColor);
  const ink = colors();
  const { edges, counts, channels } = parts;
  const mid = counts.map((_, i) => ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2);
  const widths = counts.map((_, i) => (edges[i + 1] ?? 0) - (edges[i] ?? 0));
  const top: [number, number] = channels ? [0.56, 1] : [0.08, 1];
  const rug: [number, number] = [top[0] - 0.045, top[0] - 0.01];
  const data: object[] = [
    {
      type: 'bar',
      x: mid,
      y: counts,
      width: widths,
      customdata: widths.map((w, i) => [
        significant((mid[i] ?? 0) - w / 2),
        significant((mid[i] ?? 0) + w / 2),
      ]),
      marker: { color: ink.bars, line: { width: 0 } },
      hovertemplate:
        '%{customdata[0]} … %{customdata[1]}<br>%{y:,} ' + t('ranges.values') + '<extra></extra>',
    },
  ];
  if (parts.codes) data.push(codeRug(parts.codes, ink.codes));
  if (channels) data.push(channelTrace(channels, parts.logChannels, ink));
  const titles = [
    title(parts.title, top[1]),
    ...(channels ? [title(parts.channelTitle + named(channels, ink.outlier), 0.4)] : []),
  ];
  return {
    data,
    layout: {
      ...layout,
      xaxis: { ...axis, anchor: parts.codes ? 'y3' : 'y', showgrid: false },
      yaxis: {
        ...axis,
        domain: top,
        type: parts.log ? 'log' : 'linear',
        ...(parts.log ? { dtick: 1 } : { nticks: 5 }),
        exponentformat: 'SI',
        title: { ...axis.title, text: t('ranges.values') },
      },
      yaxis3: { domain: rug, visible: false, fixedrange: true, range: [-1, 1] },
      xaxis2: {
        ...axis,
        anchor: 'y2',
        showgrid: false,
        zeroline: false,
        title: { ...axis.title, text: t('ranges.rank') },
      },
      yaxis2: {
        ...axis,
        domain: [0, 0.38],
        anchor: 'x2',
        ...(parts.logChannels ? { dtick: 1 } : { nticks: 5 }),
        type: parts.logChannels ? 'log' : 'linear',
        exponentformat: 'none',
      },
      shapes: parts.ends.map(({ at }) => ({
        type: 'line',
        x0: at,
        x1: at,
        xref: 'x',
        yref: 'paper',
        y0: rug[0],
        y1: top[1],
        line: { color: ink.ends, width: 1, dash: 'dash' },
      })),
      annotations: [
        ...parts.ends.map(({ at, text }, i) => ({
          x: at,
          y: top[1],
          xref: 'x',
          yref: 'paper',
          text,
          showarrow: false,
          xanchor: i === 0 ? 'left' : 'right',
          yanchor: 'bottom',
          font: { color: ink.ends, size: 11 },
        })),
        ...titles,
      ],
    },
  };
}

function title(text: string, y: number): object {
  return {
    text,
    x: 0.5,
    y,
    xref: 'paper',
    yref: 'paper',
    xanchor: 'center',
    yanchor: 'bottom',
    showarrow: false,
    font: { size: 12, color: themeColor('foreground') },
  };
}

/** One tick for every integer code at the value that it stands for. */
function codeRug(codes: NonNullable<Parts['codes']>, color: string): object {
  const all = Array.from({ length: codes.last - codes.first + 1 }, (_, i) => codes.first + i);
  return {
    type: 'scatter',
    mode: 'markers',
    x: all.map((q) => codes.scale * (q - codes.zero)),
    y: all.map(() => 0),
    customdata: all,
    yaxis: 'y3',
    marker: { symbol: 'line-ns-open', size: 8, color, line: { width: 1, color } },
    hovertemplate: 'q = %{customdata} → %{x:.4g}<extra></extra>',
  };
}

function channelTrace(channels: Channel[], log: boolean, ink: ReturnType<typeof colors>): object {
  const magnitude = (c: Channel) => Math.max(Math.abs(c.min), Math.abs(c.max));
  return {
    type: 'bar',
    xaxis: 'x2',
    yaxis: 'y2',
    x: channels.map((_, rank) => rank),
    ...(log
      ? { y: channels.map(magnitude) }
      : { base: channels.map((c) => c.min), y: channels.map((c) => c.max - c.min) }),
    customdata: channels.map((c) => [c.channel, significant(c.min), significant(c.max)]),
    marker: {
      color: channels.map((c) => (c.outlier ? ink.outlier : ink.bars)),
      line: { width: 0 },
    },
    hovertemplate:
      t('ranges.channel') + ' %{customdata[0]}: %{customdata[1]} … %{customdata[2]}<extra></extra>',
  };
}

/** The outliers by name, from the largest, in their colour. */
function named(channels: Channel[], color: string): string {
  const outliers = channels.filter((c) => c.outlier).reverse();
  if (outliers.length === 0) return '';
  const some = outliers.slice(0, NAMED).map((c) => c.channel);
  const names = some.join(', ') + (outliers.length > NAMED ? ' …' : '');
  const text = t('ranges.outliers', { n: outliers.length, names });
  return `  ·  <span style="color:${color}">${text}</span>`;
}
