import { fixed } from '../../logic/format';
import { ticks, type Jump } from '../../logic/profile';
import type { LayerRow } from '../../logic/rows';
import { step } from '../../logic/scale';
import { palette, themeColor } from '../../theme';
import type { Draw } from './Canvas';
import { accent, dim, FONT, line } from './draw';

/** Left edge of the plot: what is left of it holds the numbers. */
export const PROFILE_LEFT = 30;
const RIGHT = 8;
/** What is closer than this to FP32 is drawn at the top. */
const CAP = 80;

/** Row index → where it is, and back. */
function places(count: number, width: number, low: number, high: number, height: number) {
  return {
    x: (index: number) => PROFILE_LEFT + ((index + 0.5) / count) * (width - PROFILE_LEFT - RIGHT),
    y: (value: number) => 6 + ((high - Math.min(value, CAP)) / (high - low)) * (height - 12),
  };
}

/** The layer below a place on the profile. */
export function profileIndex(x: number, width: number, count: number): number {
  const share = (x - PROFILE_LEFT) / (width - PROFILE_LEFT - RIGHT);
  return Math.max(0, Math.min(count - 1, Math.floor(share * count)));
}

/** The accumulated SQNR along the depth, the selected layer and the jumps marked. */
export function profile(
  rows: readonly LayerRow[],
  chosen: number | null,
  falls: readonly Jump[],
): Draw {
  const known = rows.flatMap(({ index, accumulated }) =>
    accumulated === null ? [] : [{ index, value: accumulated }],
  );
  let low = 10;
  let high = 20;
  for (const { value } of known) {
    low = Math.min(low, value);
    high = Math.max(high, Math.min(value, CAP));
  }
  low -= 4;
  high += 3;
  return (context, width, height) => {
    const { x, y } = places(rows.length, width, low, high, height);
    context.font = FONT();
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const tick of ticks(low, high)) {
      context.fillStyle = line();
      context.globalAlpha = 0.5;
      context.fillRect(PROFILE_LEFT, Math.round(y(tick)), width - PROFILE_LEFT, 1);
      context.globalAlpha = 1;
      context.fillStyle = dim();
      context.fillText(fixed(tick, 0), PROFILE_LEFT - 6, y(tick));
    }
    if (known.length > 2 * width) envelope(context, known, x, y);
    else path(context, known, x, y, rows.length <= 200);
    marks(context, rows, falls, x, y, width, height);
    const row = chosen === null ? undefined : rows[chosen];
    if (row?.accumulated != null) select(context, row, x(row.index), y(row.accumulated), height);
  };
}

type Place = (value: number) => number;
interface Point {
  index: number;
  value: number;
}

function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function path(
  context: CanvasRenderingContext2D,
  points: readonly Point[],
  x: Place,
  y: Place,
  dots: boolean,
): void {
  context.strokeStyle = accent();
  context.fillStyle = accent();
  context.lineWidth = 1.5;
  context.beginPath();
  for (const { index, value } of points) context.lineTo(x(index), y(value));
  context.stroke();
  if (dots) for (const { index, value } of points) dot(context, x(index), y(value), 2);
}

/** Many layers a pixel: from the worst to the best of them, the worst drawn as the line. */
function envelope(
  context: CanvasRenderingContext2D,
  points: readonly Point[],
  x: Place,
  y: Place,
): void {
  const columns = new Map<number, { worst: number; best: number }>();
  for (const { index, value } of points) {
    const at = Math.round(x(index));
    const column = columns.get(at);
    if (!column) columns.set(at, { worst: value, best: value });
    else {
      column.worst = Math.min(column.worst, value);
      column.best = Math.max(column.best, value);
    }
  }
  context.fillStyle = accent();
  context.globalAlpha = 0.25;
  for (const [at, { worst, best }] of columns) context.fillRect(at, y(best), 1, y(worst) - y(best));
  context.globalAlpha = 1;
  context.strokeStyle = accent();
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [at, { worst }] of columns) context.lineTo(at, y(worst));
  context.stroke();
}

/** The largest drops, named where there is room. */
function marks(
  context: CanvasRenderingContext2D,
  rows: readonly LayerRow[],
  falls: readonly Jump[],
  x: Place,
  y: Place,
  width: number,
  height: number,
): void {
  const taken: [from: number, to: number][] = [];
  context.textAlign = 'center';
  context.lineJoin = 'round';
  for (const fall of falls) {
    const value = rows[fall.index]?.accumulated;
    if (value == null) continue;
    context.fillStyle = themeColor('editorWarning-foreground', 'charts-yellow');
    dot(context, x(fall.index), y(value), 3);
    const text = `${fall.name}  −${fixed(fall.drop, 1)}`;
    const half = context.measureText(text).width / 2 + 6;
    const middle = Math.min(width - half, Math.max(PROFILE_LEFT + half, x(fall.index)));
    if (taken.some(([from, to]) => middle + half > from && middle - half < to)) continue;
    taken.push([middle - half, middle + half]);
    const beside = y(value) + (y(value) < height - 20 ? 12 : -12);
    context.strokeStyle = themeColor('editor-background');
    context.lineWidth = 4;
    context.strokeText(text, middle, beside);
    context.fillStyle = themeColor('foreground');
    context.fillText(text, middle, beside);
  }
}

function select(
  context: CanvasRenderingContext2D,
  row: LayerRow,
  x: number,
  y: number,
  height: number,
): void {
  context.fillStyle = themeColor('focusBorder', 'charts-blue');
  context.globalAlpha = 0.6;
  context.fillRect(Math.round(x), 2, 1, height - 4);
  context.globalAlpha = 1;
  context.fillStyle = palette.value.fill[step('accumulated', row.accumulated) ?? 0];
  dot(context, x, y, 5);
  context.strokeStyle = themeColor('foreground');
  context.lineWidth = 1.5;
  context.stroke();
}
