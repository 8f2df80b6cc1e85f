import { escapeHtml } from './figure';

export interface Column {
  name: string;
  /** Numbers stand to the right. */
  right?: boolean;
}

export interface Table {
  columns: Column[];
  rows: string[][];
  /** Said above the table, e.g. what was measured on what. */
  caption?: string;
}

/** An HTML table that needs no style sheet and no script, so that GitHub shows it as well. */
export function tableHtml({ columns, rows, caption }: Table): string {
  // GitHub heeds the attribute, VS Code the style
  const cell = (tag: string, column: Column | undefined, text: string) => {
    const side = column?.right ? 'right' : 'left';
    return `<${tag} align="${side}" style="text-align: ${side}">${escapeHtml(text)}</${tag}>`;
  };
  const head = columns.map((column) => cell('th', column, column.name)).join('');
  const body = rows
    .map((row) => `<tr>${row.map((text, i) => cell('td', columns[i], text)).join('')}</tr>`)
    .join('\n');
  const says = caption ? `<caption align="top">${escapeHtml(caption)}</caption>\n` : '';
  return `<table>\n${says}<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}

/** The same in columns of a fixed-width font. */
export function tableText({ columns, rows, caption }: Table): string {
  const width = columns.map((column, i) =>
    Math.max(...[column.name, ...rows.map((row) => row[i] ?? '')].map((text) => [...text].length)),
  );
  const line = (cells: string[]) =>
    cells
      .map((text, i) => {
        const space = ' '.repeat(Math.max(0, (width[i] ?? 0) - [...text].length));
        return columns[i]?.right ? space + text : text + space;
      })
      .join('  ')
      .trimEnd();
  const lines = [line(columns.map((column) => column.name)), ...rows.map(line)];
  return (caption ? [caption, '', ...lines] : lines).join('\n');
}

/** The same as CSV (RFC 4180). */
export function tableCsv({ columns, rows }: Table): string {
  const field = (text: string) =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [columns.map((column) => column.name), ...rows];
  return lines.map((cells) => cells.map(field).join(',')).join('\r\n') + '\r\n';
}
