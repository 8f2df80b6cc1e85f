import type { LatencyResult, RangeSummary } from '../../results';
import { escapeHtml } from '../figures/figure';
import { ms } from '../figures/numbers';

/** The shape of a tensor's values from its smallest to its largest, square root of the counts. */
export function sparkline(range: RangeSummary): string {
  const [width, height] = [120, 18];
  const { sparkline: counts, min, max } = range;
  if (counts.length === 0) return '';
  const top = Math.sqrt(Math.max(1, ...counts));
  const step = width / counts.length;
  const bars = counts
    .map((count, i) => {
      const size = count === 0 ? 0 : Math.max(1, (Math.sqrt(count) / top) * height);
      return `M${(i * step).toFixed(1)} ${height}v-${size.toFixed(1)}h${step.toFixed(1)}V${height}z`;
    })
    .join('');
  const zero = min < 0 && max > 0 ? (-min / (max - min)) * width : null;
  const line =
    zero === null
      ? ''
      : `<path d="M${zero.toFixed(1)} 0V${height}" stroke="var(--dim)" stroke-dasharray="2 2"/>`;
  return `<svg width="${width}" height="${height}" role="img" aria-label="distribution of ${escapeHtml(range.tensor)}"><path d="${bars}" fill="var(--int8)"/>${line}</svg>`;
}

/** Median and 99th percentile of both models on one scale. @param written what the second is called */
export function latencyBars(latency: LatencyResult, written: string): string {
  const rows = [
    { name: 'FP32', p50: latency.fp32P50, p99: latency.fp32P99, colour: 'var(--fp32)' },
    { name: written, p50: latency.int8P50, p99: latency.int8P99, colour: 'var(--int8)' },
  ];
  const [label, width, height] = [written.length > 6 ? 84 : 48, 420, 24];
  const longest = Math.max(...rows.flatMap(({ p50, p99 }) => [p50, p99]), Number.MIN_VALUE);
  const x = (value: number) => ((value / longest) * width).toFixed(1);
  const bars = rows.map(
    ({ name, p50, p99, colour }, i) =>
      `<g transform="translate(0 ${i * height})"><text x="0" y="15">${name}</text>` +
      `<rect x="${label}" y="4" width="${x(p50)}" height="14" fill="${colour}"/>` +
      `<path d="M${label} 11h${x(p99)}m0 -5v10" stroke="currentColor" fill="none"/>` +
      `<text x="${label + Number(x(Math.max(p50, p99))) + 8}" y="15">p50 ${ms(p50)}, p99 ${ms(p99)}</text></g>`,
  );
  return `<svg width="${label + width + 200}" height="${rows.length * height}" role="img" aria-label="latency of both models">${bars.join('')}</svg>`;
}

const COLOURS = ['#0969da', '#8250df', '#bf8700', '#1a7f37', '#cf222e', '#6e7781', '#bc4c00'];

/** Shares of a whole as one bar; the colours are those of {@link colourOfPart}. */
export function stack(parts: readonly { what: string; bytes: number }[]): string {
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0) || 1;
  const spans = parts.map(
    ({ what, bytes }, i) =>
      `<span title="${escapeHtml(what)}" style="width:${((bytes / total) * 100).toFixed(2)}%;background:${colourOfPart(i)}"></span>`,
  );
  return `<div class="stack">${spans.join('')}</div>`;
}

/** The colour of the n-th part of a {@link stack}. */
export function colourOfPart(index: number): string {
  return COLOURS[index % COLOURS.length]!;
}
