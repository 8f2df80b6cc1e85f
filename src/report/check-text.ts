import type { CheckResult, Finding } from '../results';
import { counted } from './figures/numbers';
import { notesText } from './notes';
import { paragraphs } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

const ORDER: Readonly<Record<Finding['severity'], number>> = { error: 0, warning: 1, info: 2 };

/** What `vernier check` prints: the verdict, findings by severity, and what to do about them, once each. */
export function checkText(result: CheckResult, options: TerminalOptions = {}): string {
  const { model, target, nodes, findings } = result;
  const sorted = [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  const count = (severity: Finding['severity']) =>
    findings.filter((f) => f.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const verdict =
    errors > 0
      ? `${target} refuses ${model}`
      : warnings > 0
        ? `${target} takes ${model}, not at its best`
        : `${target} takes ${model}`;
  const head = `${verdict}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')} in ${counted(nodes, 'node')}`;
  const told = notesText(result.notes);
  if (sorted.length === 0) return paragraphs([head, told]);
  const table = terminalTable(
    {
      columns: [{ name: '' }, { name: 'Rule' }, { name: 'Node' }, { name: 'What' }],
      rows: sorted.map((f) => [f.severity, f.code, f.node ?? '', f.message]),
    },
    options,
  );
  const remedies = [...new Set(sorted.map((f) => `${f.code}: ${f.remedy}`))];
  return paragraphs([head, table, remedies.join('\n'), told]);
}
