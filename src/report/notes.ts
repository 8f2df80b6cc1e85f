/** Notes in every form of a report. */
import type { Note } from '../results';
import { escapeHtml } from './figures/figure';
import { section } from './html/parts';
import type { Json } from './json-value';

/** Notes, one a line. */
export function notesText(notes: readonly Note[] = []): string {
  return notes
    .map(({ severity, message, remedy }) => `${severity}: ${message}${remedy ? ` ${remedy}` : ''}`)
    .join('\n');
}

/** Notes with all of their places. */
export function notesDocument(notes: readonly Note[] = []): Json[] {
  return notes.map((n) => ({
    code: n.code,
    severity: n.severity,
    message: n.message,
    layer: n.layer ?? null,
    tensor: n.tensor ?? null,
    file: n.file ?? null,
    remedy: n.remedy ?? null,
  }));
}

/** Notes as items of a list in HTML, escaped. */
export function notesItems(notes: readonly Note[]): string[] {
  return notes.map(({ severity, message, remedy }) => {
    const mark = severity === 'info' ? '' : `<b class="bad">${severity}</b> `;
    return `<li>${mark}${escapeHtml(message)}${remedy ? ` <span class="dim">${escapeHtml(remedy)}</span>` : ''}</li>`;
  });
}

/** Notes as a section of a page in HTML; nothing where there are none. */
export function notesSection(notes: readonly Note[] = []): string {
  const items = notesItems(notes);
  return section('notes', 'Notes', items.length === 0 ? '' : `<ul>${items.join('\n')}</ul>`);
}
