import type { Table } from './figures/table';

/** How wide a text table may be. */
export interface TerminalOptions {
  /** Columns of the terminal; longer texts lose their middle. 0 or absent: as wide as it is. */
  width?: number;
}

/** No column gets narrower than this when a table does not fit. */
const NARROWEST = 12;
const GAP = 2;

/** A table in columns of a fixed-width font: wide characters count as two, the longest texts are cut to fit. */
export function terminalTable(table: Table, options: TerminalOptions = {}): string {
  const rows = [table.columns.map(({ name }) => name), ...table.rows];
  const widths = table.columns.map((_, i) => Math.max(...rows.map((row) => columns(row[i] ?? ''))));
  fit(widths, options.width ?? 0);
  const line = (cells: readonly string[]) =>
    widths
      .map((width, i) => pad(cut(cells[i] ?? '', width), width, table.columns[i]?.right ?? false))
      .join(' '.repeat(GAP))
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join(' '.repeat(GAP));
  const body = table.rows.map(line);
  const titled = table.columns.some(({ name }) => name !== '');
  const lines = titled ? [line(rows[0]!), rule, ...body] : body;
  return (table.caption ? [table.caption, ...lines] : lines).join('\n');
}

/** Takes columns from the widest until the table fits. */
function fit(widths: number[], available: number): void {
  const total = () => widths.reduce((sum, w) => sum + w, GAP * (widths.length - 1));
  while (available > 0 && total() > available) {
    const widest = widths.indexOf(Math.max(...widths));
    const over = total() - available;
    const next = Math.max(NARROWEST, ...widths.filter((_, i) => i !== widest));
    const smaller = Math.max(next, widths[widest]! - over, NARROWEST);
    const width = smaller < widths[widest]! ? smaller : widths[widest]! - 1;
    if (width < NARROWEST) return;
    widths[widest] = width;
  }
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - columns(text)));
  return right ? space + text : text + space;
}

/** A text without its middle where it is too long: both ends of a layer's name tell it apart. */
export function cut(text: string, width: number): string {
  if (columns(text) <= width) return text;
  const points = [...text];
  const keep = Math.max(0, width - 1);
  const tail = takeColumns([...points].reverse(), Math.floor(keep / 2)).reverse();
  const head = takeColumns(points, keep - columns(tail.join('')));
  return `${head.join('')}…${tail.join('')}`;
}

function takeColumns(points: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const point of points) {
    used += columns(point);
    if (used > width) break;
    taken.push(point);
  }
  return taken;
}

/** Columns that a text takes: East Asian wide characters and emoji two, combining marks none. */
export function columns(text: string): number {
  let sum = 0;
  for (const point of text)
    sum += /^\p{Mark}|\u200d|\ufe0f$/u.test(point) ? 0 : WIDE.test(point) ? 2 : 1;
  return sum;
}

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;
