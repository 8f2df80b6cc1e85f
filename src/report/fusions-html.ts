import type { FusionReport } from '../results';
import { escapeHtml } from './figures/figure';
import { tableHtml } from './figures/table';
import { gainsSection } from './fusion-gains';
import { breaksTable, fusionsHead, fusionsTable, remedies } from './fusions';
import { page } from './html/page';
import { section } from './html/parts';
import { notesSection } from './notes';

/** The fusions of a model as one HTML file that needs nothing from elsewhere. Every text is escaped. */
export function fusionsHtml(report: FusionReport): string {
  const { fusions, breaks, measured } = report;
  const open = remedies(fusions, breaks);
  const list = open.map((line) => `<li>${escapeHtml(line)}</li>`).join('\n');
  return page({
    title: `Fusions of ${report.model.split(/[\\/]/).at(-1) ?? report.model}`,
    head: `<p class="lead">${escapeHtml(fusionsHead(report))}</p>`,
    parts: [
      measured ? gainsSection(measured) : '',
      fusions.length > 0 ? section('fusions', 'Fusions', tableHtml(fusionsTable(fusions))) : '',
      breaks.length > 0
        ? section('breaks', 'Quantization breaks', tableHtml(breaksTable(breaks)))
        : '',
      open.length > 0 ? section('remedies', 'What would free them', `<ul>${list}</ul>`) : '',
      notesSection(report.notes),
    ].filter((part) => part !== ''),
  });
}
