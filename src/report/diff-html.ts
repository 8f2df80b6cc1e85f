import type { DiffResult } from '../results';
import {
  diffNodesTable,
  diffOn,
  diffOutputsTable,
  diffRangesTable,
  diffSentence,
  diffSummaryTable,
  diffTensorsTable,
} from './diff';
import { diffEnglish, type DiffWords } from './diff-words';
import { escapeHtml } from './figures/figure';
import type { Table } from './figures/table';
import { page } from './html/page';
import { section, table } from './html/parts';

/** A comparison of two models as one HTML file that needs nothing from elsewhere. Every text is escaped. @param style more of it, e.g. {@link editorStyle} */
export function renderDiffHtml(
  result: DiffResult,
  style = '',
  words: DiffWords = diffEnglish,
): string {
  const { sections: says } = words;
  const name = (file: string) => file.split(/[\\/]/).at(-1) ?? file;
  const title = words.both(name(result.a.file), name(result.b.file));
  const of = ({ columns, rows }: Table, caption = '') =>
    rows.length > 0 ? table(columns, rows, caption) : '';
  const notes = result.notes
    .map((note) => words.note(note))
    .map(
      ({ message, remedy }) =>
        `<li>${escapeHtml(message)}${remedy ? ` <span class="dim">${escapeHtml(remedy)}</span>` : ''}</li>`,
    );
  const parts = [
    section('summary', says.summary, of(diffSummaryTable(result, words))),
    section('outputs', says.outputs, of(diffOutputsTable(result, words), diffOn(result, words))),
    section(
      'tensors',
      says.tensors,
      of(diffTensorsTable(result, Infinity, words), diffOn(result, words)),
    ),
    section('nodes', says.nodes, of(diffNodesTable(result, words))),
    section('ranges', says.ranges, of(diffRangesTable(result, words))),
    section('notes', says.notes, notes.length > 0 ? `<ul>${notes.join('\n')}</ul>` : ''),
  ].filter((part) => part !== '');
  return page({
    title,
    language: words.language,
    head: `<p class="dim">${escapeHtml(result.a.file)}<br>${escapeHtml(result.b.file)}</p>
<p class="lead">${escapeHtml(diffSentence(result, words))}</p>`,
    parts,
    style,
  });
}
