import type { RunResult } from '../results';
import { beforeAfterTable } from './before-after';
import { calibrationText } from './calibration';
import { choiceSentence, choiceTable } from './choice';
import { searchSentence, searchTable } from './search';
import { fixedSentence, fixedTable } from './fixed';
import { layersTable } from './figures/layers';
import type { Table } from './figures/table';
import { wordsOf } from './modes';
import { costOf, verdictSentence, worstFive } from './sentence';
import { paragraphs } from './paragraphs';

/** A result as a short Markdown document: what goes into a pull request or an issue. */
export function renderMarkdown(result: RunResult): string {
  const { calibration, load, output } = result;
  const title = result.model.split(/[\\/]/).at(-1) ?? result.model;
  const blocked = result.fusions.filter(({ status }) => status === 'blocked');
  const worst = worstFive(result);
  const settled = calibrationText(result);
  const parts = [
    `# ${text(title)} in ${wordsOf(result).short}`,
    calibration?.random
      ? '> **Calibrated on random data**: these numbers say nothing about real inputs.'
      : '',
    text(verdictSentence(result)),
    markdownTable(beforeAfterTable(result)),
    result.search
      ? `## How the quantization was found\n\n${text(searchSentence(result.search))}\n\n${markdownTable(searchTable(result.search))}`
      : '',
    result.choice
      ? `## How the mode was chosen\n\n${text(choiceSentence(result.choice))}\n\n${markdownTable(choiceTable(result.choice))}`
      : '',
    result.fixed
      ? `## In fixed point\n\n${text(fixedSentence(result.fixed))}\n\n<details><summary>Formats and sums</summary>\n\n${markdownTable(fixedTable(result.fixed))}\n\n</details>`
      : '',
    section(
      'Layers that cost most',
      worst.map((l) => `- ${code(l.name)} ${text(costOf(l))}`),
    ),
    `<details><summary>Layers</summary>\n\n${markdownTable(layersTable(result))}\n\n</details>`,
    section(
      'Blocked fusions',
      blocked.map(
        (f) => `- ${text(f.pattern)} at ${code(f.layer)}: ${text(f.blockedBy?.reason ?? '')}`,
      ),
    ),
    load
      ? `## Load it\n\nNeeds ${text(load.runtime)}, opset ${load.opset}.\n\n${fence('python', load.python)}`
      : '',
    section('Notes', [
      ...result.notes.map(({ severity, message }) => `- ${severity}: ${text(message)}`),
      ...(settled === '' ? [] : [`- ${text(settled)}`]),
    ]),
    [
      `Written to ${code(output ?? 'no file')}, ${result.mode} for ${text(result.target)}`,
      calibration
        ? `calibrated on ${calibration.samples} samples of ${code(calibration.source)}`
        : '',
      text(`${result.runtime.name} ${result.runtime.version}`),
    ]
      .filter((part) => part !== '')
      .join('; ') + '.',
  ];
  return `${paragraphs(parts)}\n`;
}

function section(title: string, lines: string[]): string {
  return lines.length === 0 ? '' : `## ${title}\n\n${lines.join('\n')}`;
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => text(cell) || ' ').join(' | ')} |`;
  const rule = columns.map(({ right }) => (right ? '---:' : '---'));
  return [line(columns.map(({ name }) => name)), `| ${rule.join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
}

/** Text in which nothing is markup. */
function text(raw: string): string {
  return raw.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>|#~]/g, (c) => `\\${c}`);
}

/** A name as code, whatever it holds. */
function code(raw: string): string {
  const longest = Math.max(0, ...[...raw.matchAll(/`+/g)].map(([run]) => run.length));
  const tick = '`'.repeat(longest + 1);
  const pad = raw.startsWith('`') || raw.endsWith('`') ? ' ' : '';
  return `${tick}${pad}${raw.replace(/\s+/g, ' ')}${pad}${tick}`;
}

function fence(language: string, lines: string): string {
  return `\`\`\`${language}\n${lines}\n\`\`\``;
}
