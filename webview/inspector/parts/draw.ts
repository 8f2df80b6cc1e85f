import type { Channel } from '../../logic/channels';
import type { Jump } from '../../logic/profile';
import { ticks } from '../../logic/profile';
import type { LayerRow } from '../../logic/rows';
import { step } from '../../logic/scale';
import { fixed, significant } from '../../logic/format';
import { palette, themeColor } from '../../theme';
import type { Draw } from './Canvas';

const FONT = () => `10px ${themeColor('font-family')}`;
const dim = () => themeColor('descriptionForeground', 'foreground');
const accent = () => themeColor('charts-blue', 'focusBorder', 'foreground');
const line = () => themeColor('editorIndentGuide-background1', 'panel-border', 'contrastBorder');

/** Bars of a histogram on a log scale, edge to edge. */
export function sparkline(counts: readonly number[], baseline = 0): Draw {
  return (context, width, height) => {
    const most = Math.log1p(Math.max(...counts, 1));
    const bar = width / counts.length;
    const room = height - baseline;
    context.fillStyle = dim();
    context.globalAlpha = 0.75;
    counts.forEach((count, i) => {
      const tall = count > 0 ? Math.max(1, (Math.log1p(count) / most) * room) : 0;
      context.fillRect(i * bar, room - tall, Math.max(0.6, bar - (bar > 3 ? 0.8 : 0)), tall);
    });
    context.globalAlpha = 1;
  };
}

/** A histogram over [min, max] with the integer codes as ticks and the quantized range's ends as lines. */
export function codedHistogram(
  counts: readonly number[],
  range: { min: number; max: number },
  codes: { low: number; high: number; scale: number } | null,
): Draw {
  return (context, width, height) => {
    const low = Math.min(range.min, codes?.low ?? range.min);
    const high = Math.max(range.max, codes?.high ?? range.max);
    const span = high - low || 1;
    const x = (value: number) => ((value - low) / span) * (width - 1);
    context.save();
    context.translate(x(range.min), 0);
    sparkline(counts, 8)(context, Math.max(1, x(range.max) - x(range.min)), height);
    context.restore();
    if (!codes) return;
    context.fillStyle = accent();
    // a tick per code would be a bar: every fourth, eighth … that leaves three pixels between
    const total = Math.round((codes.high - codes.low) / codes.scale);
    const every = 2 ** Math.max(0, Math.ceil(Math.log2((3 * total) / Math.max(1, width))));
    for (let code = 0; code <= total; code += every)
      context.fillRect(x(codes.low + code * codes.scale), height - 7, 1, 5);
    context.strokeStyle = themeColor('editorWarning-foreground', 'charts-yellow');
    context.setLineDash([3, 2]);
    for (const end of [codes.low, codes.high]) {
      const at = Math.min(width - 1, Math.max(0.5, Math.round(x(end)) + 0.5));
      context.beginPath();
      context.moveTo(at, 0);
      context.lineTo(at, height - 2);
      context.stroke();
    }
    context.setLineDash([]);
  };
}

/** Largest magnitude of every channel, sorted, on a log scale; outliers stand out. */
export function channelBars(channels: readonly Channel[]): Draw {
  return (context, width, height) => {
    const sizes = channels.map((c) => Math.max(Math.abs(c.min), Math.abs(c.max)));
    const top = Math.max(...sizes);
    // six decades are enough: what is smaller is as good as zero
    const bottom = Math.max(Math.min(...sizes.filter((s) => s > 0)) / 1.5, top / 1e6);
    const span = Math.log(top / bottom) || 1;
    const left = 30;
    const slot = (width - left) / channels.length;
    context.font = FONT();
    context.fillStyle = dim();
    context.textBaseline = 'top';
    context.fillText(significant(top, 2), 0, 0);
    context.textBaseline = 'bottom';
    context.fillText(significant(bottom, 2), 0, height);
    channels.forEach((channel, i) => {
      const size = sizes[i] ?? 0;
      const tall = size > bottom ? Math.max(1, (Math.log(size / bottom) / span) * (height - 1)) : 1;
      context.fillStyle = channel.outlier ? palette.value.fill[4] : accent();
      context.fillRect(
        left + i * slot,
        height - tall,
        Math.max(0.7, slot - (slot > 4 ? 1.5 : 0)),
        tall,
      );
    });
  };
}

/** Cells of local error, one a channel, on the error scale. */
export function channelHeat(db: readonly number[]): Draw {
  return (context, width, height) => {
    const slot = width / db.length;
    db.forEach((value, channel) => {
      const at = step('local', value);
      if (at === null) return;
      context.fillStyle = palette.value.fill[at];
      const gap = slot > 6 ? 1 : 0;
      context.fillRect(channel * slot, 0, Math.max(1, slot - gap), height);
    });
    context.strokeStyle = line();
    context.strokeRect(0.5, 0.5, width - 1, height - 1);
  };
}

/** Left edge of the profile's plot: what is left of it holds the numbers. */
export const PROFILE_LEFT = 30;

/** The accumulated SQNR along the depth, the selected layer and the jumps marked. */
export function profile(
  rows: readonly LayerRow[],
  chosen: number | null,
  falls: readonly Jump[],
): Draw {
  return (context, width, height) => {
    const known = rows.filter((row) => row.accumulated !== null);
    const values = known.map((row) => Math.min(row.accumulated ?? 0, 80));
    const low = Math.min(...values, 10) - 3;
    const high = Math.max(...values, 20) + 3;
    const x = (index: number) =>
      PROFILE_LEFT + ((index + 0.5) / rows.length) * (width - PROFILE_LEFT - 8);
    const y = (value: number) => 6 + ((high - value) / (high - low)) * (height - 12);
    context.font = FONT();
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const tick of ticks(low, high)) {
      context.fillStyle = line();
      context.fillRect(PROFILE_LEFT, Math.round(y(tick)), width - PROFILE_LEFT, 1);
      context.fillStyle = dim();
      context.fillText(fixed(tick, 0), PROFILE_LEFT - 6, y(tick));
    }
    context.strokeStyle = accent();
    context.fillStyle = accent();
    context.lineWidth = 1.5;
    context.beginPath();
    known.forEach((row, i) => context.lineTo(x(row.index), y(values[i] ?? 0)));
    context.stroke();
    const at = (row: LayerRow, radius: number) => {
      context.beginPath();
      context.arc(x(row.index), y(Math.min(row.accumulated ?? 0, 80)), radius, 0, 2 * Math.PI);
      context.fill();
    };
    if (rows.length <= 200) known.forEach((row) => at(row, 2));
    context.textAlign = 'center';
    for (const fall of falls) {
      const row = rows[fall.index];
      if (!row) continue;
      context.fillStyle = themeColor('editorWarning-foreground', 'charts-yellow');
      at(row, 3);
      context.fillStyle = themeColor('foreground');
      const below = y(row.accumulated ?? 0) < height - 24;
      context.fillText(
        `${row.name}  −${fixed(fall.drop, 1)}`,
        Math.min(width - 60, Math.max(PROFILE_LEFT + 50, x(row.index))),
        y(row.accumulated ?? 0) + (below ? 12 : -12),
      );
    }
    const marked = chosen === null ? undefined : rows[chosen];
    if (!marked || marked.accumulated === null) return;
    context.fillStyle = themeColor('focusBorder', 'charts-blue');
    context.globalAlpha = 0.5;
    context.fillRect(x(marked.index) - 0.5, 2, 1, height - 4);
    context.globalAlpha = 1;
    const worst = step('accumulated', marked.accumulated) ?? 0;
    context.fillStyle = palette.value.fill[Math.max(3, worst) as 3 | 4 | 5];
    at(marked, 5);
    context.strokeStyle = themeColor('foreground');
    context.lineWidth = 1;
    context.stroke();
  };
}
