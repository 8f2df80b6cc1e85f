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
import { escapeHtml } from './figures/figure';
import type { Table } from './figures/table';
import { page } from './html/page';
import { section, table } from './html/parts';

/** A comparison of two models as one HTML file that needs nothing from elsewhere. Every text is escaped. @param style more of it, e.g. {@link editorStyle} */
export function renderDiffHtml(result: DiffResult, style = ''): string {
  const name = (file: string) => file.split(/[\\/]/).at(-1) ?? file;
  const title = `${name(result.a.file)} and ${name(result.b.file)}`;
  const of = ({ columns, rows }: Table, caption = '') =>
    rows.length > 0 ? table(columns, rows, caption) : '';
  const notes = result.notes.map(
    ({ message, remedy }) =>
      `<li>${escapeHtml(message)}${remedy ? ` <span class="dim">${escapeHtml(remedy)}</span>` : ''}</li>`,
  );
  const parts = [
    section('summary', 'Side by side', of(diffSummaryTable(result))),
    section('outputs', 'Outputs', of(diffOutputsTable(result), diffOn(result))),
    section('tensors', 'Inner tensors', of(diffTensorsTable(result), diffOn(result))),
    section('nodes', 'Nodes that differ', of(diffNodesTable(result))),
    section('ranges', 'Scales and ranges that differ', of(diffRangesTable(result))),
    section('notes', 'Notes', notes.length > 0 ? `<ul>${notes.join('\n')}</ul>` : ''),
  ].filter((part) => part !== '');
  return page({
    title,
    head: `<p class="dim">${escapeHtml(result.a.file)}<br>${escapeHtml(result.b.file)}</p>
<p class="lead">${escapeHtml(diffSentence(result))}</p>`,
    parts,
    style,
  });
}
