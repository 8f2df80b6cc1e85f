import type { Channel } from '../../logic/channels';
import { step } from '../../logic/scale';
import { significant } from '../../logic/format';
import { dimColor, palette, themeColor } from '../../theme';
import type { Draw } from './Canvas';

export const FONT = () => `10px ${themeColor('font-family')}`;
export const dim = dimColor;
export const accent = () => themeColor('progressBar-background', 'charts-blue', 'foreground');
export const line = () => themeColor('editorGroup-border', 'panel-border', 'contrastBorder');

/** Bars of a histogram on a log scale, edge to edge. */
export function sparkline(counts: readonly number[], baseline = 0): Draw {
  return (context, width, height) => {
    // three and a half decades: more would make every shape a full block
    const most = Math.max(...counts, 1);
    const floor = Math.log(most / 3000);
    const bar = width / counts.length;
    const room = height - baseline;
    context.fillStyle = dim();
    context.globalAlpha = 0.75;
    counts.forEach((count, i) => {
      const share = (Math.log(count) - floor) / Math.log(3000);
      const tall = count > 0 ? Math.max(1, share * room) : 0;
      context.fillRect(i * bar, room - tall, Math.max(0.6, bar - (bar > 3 ? 0.8 : 0)), tall);
    });
    context.globalAlpha = 1;
  };
}

/** Magnitudes, sorted, on a log scale: how far the channels of a layer's weights lie apart. */
export function maxima(values: readonly number[]): Draw {
  const sorted = [...values].sort((a, b) => a - b);
  const top = Math.max(sorted.at(-1) ?? 1, Number.MIN_VALUE);
  return (context, width, height) => {
    const bar = width / sorted.length;
    context.fillStyle = dim();
    context.globalAlpha = 0.75;
    sorted.forEach((value, i) => {
      const share = 1 + Math.log10(Math.max(value, top / 1e4) / top) / 4;
      const tall = Math.max(1, share * height);
      context.fillRect(i * bar, height - tall, Math.max(0.6, bar - (bar > 3 ? 0.8 : 0)), tall);
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
