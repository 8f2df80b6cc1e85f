import type { SearchResult, SearchTry } from '../results';
import { escapeHtml } from './figures/figure';
import { bytes, db, notMeasured, percent, significant } from './figures/numbers';
import { tableHtml, type Table } from './figures/table';
import { metricName } from './metric';
import { speedText } from './figures/trial';
import { page } from './html/page';
import { section } from './html/parts';
import type { Json } from './json-value';
import { speedDocument } from './latency';
import { notesDocument, notesSection, notesText } from './notes';
import { snakeCased } from './snake';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';
import { capital, comparedOn, threadsText } from './words';

const STATES: Readonly<Record<SearchTry['state'], string>> = {
  chosen: '←',
  kept: '',
  dropped: 'dropped',
  failed: 'failed',
  skipped: 'not tried',
};

/** The log: all that was tried, in that order, with what became of it. */
export function searchTable({ tries, chosen, fp32Bytes }: SearchResult): Table {
  const metric = tries.find((t) => t.accuracy)?.accuracy ?? null;
  const labels = !metric && tries.some((t) => t.agreement);
  const kept = (value: string) => (metric || labels ? [value] : []);
  const speed = ({ latency, timedAs }: SearchTry) =>
    latency ? `${speedText(latency)}${timedAs === null ? '' : ' *'}` : notMeasured;
  const accuracy = ({ accuracy: a }: SearchTry) =>
    a ? `${significant(a.int8)} (${signed(a.low)} … ${signed(a.high)})` : notMeasured;
  const row = (t: SearchTry) => [
    t.name,
    speed(t),
    db(t.worstDb),
    ...kept(metric ? accuracy(t) : percent(t.agreement?.value)),
    t.samples === 0 ? notMeasured : String(t.samples),
    t.bytes === null ? notMeasured : bytes(t.bytes),
    [STATES[t.state], t.why].filter((part) => part).join(': '),
  ];
  const fp32 = ['FP32', '1', notMeasured, ...kept(metric ? significant(metric.fp32) : notMeasured)];
  return {
    columns: [
      { name: 'Tried' },
      { name: 'Speed-up', right: true },
      { name: 'SQNR, dB', right: true },
      ...kept(metric ? metricName(metric) : 'same label').map((name) => ({ name, right: true })),
      { name: 'Samples', right: true },
      { name: 'Size', right: true },
      { name: '' },
    ],
    rows: [
      [...fp32, notMeasured, bytes(fp32Bytes), chosen === null ? STATES.chosen : ''],
      ...tries.map(row),
    ],
  };
}

/** What was found and why, and what it was read from, in a few sentences. */
export function searchSentence(result: SearchResult): string {
  const { tries, chosen, reason, rule, measuredOn, machine, threads, stopped, missed } = result;
  const found = chosen === null ? 'the model as it is' : tries[chosen]!.name;
  const on = comparedOn(measuredOn, Math.max(0, ...tries.map(({ samples }) => samples)));
  const measured = tries.filter(({ samples }) => samples > 0).length;
  const end = stopped ? ' The time was over before all was tried: this is the best so far.' : '';
  const missing = missed === null ? '' : ` ${capital(missed)}.`;
  return (
    `Found: ${found}. ${capital(reason)}. ${measured} were measured in ${Math.round(result.seconds)} s, ` +
    `each against FP32, at last on ${on}; ${rule} (${machine}, ${threadsText(threads)}).${missing}${end}`
  );
}

const SHARED = '* as the first with the same kernels, which was timed';

/** What `vernier auto` prints. */
export function searchText(result: SearchResult, options: TerminalOptions = {}): string {
  const shared = result.tries.some(({ timedAs }) => timedAs !== null) ? [SHARED] : [];
  return terminalText([
    [terminalTable(searchTable(result), options), ...shared].join('\n'),
    searchSentence(result),
    notesText(result.notes),
    ...(result.text === null ? [] : [`The recipe that gives the same bytes:\n\n${result.text}`]),
  ]).trimEnd();
}

/** The document that `vernier auto --json` prints, and `search` of a run. */
export function searchDocument(result: SearchResult): { [key: string]: Json } {
  const tries = result.tries.map(({ latency, quantization, keep, wide, ...one }) => ({
    ...(snakeCased(one) as { [key: string]: Json }),
    quantization: quantization as Json,
    keep_fp32: keep,
    int16: wide,
    latency: latency && { ...speedDocument(latency), pairs: latency.pairs },
  }));
  const notes = notesDocument(result.notes);
  return { ...(snakeCased({ ...result, tries: [] }) as { [key: string]: Json }), tries, notes };
}

/** The search as one HTML file that needs nothing from elsewhere. Every text is escaped. */
export function searchHtml(result: SearchResult): string {
  const name = result.model.split(/[\\/]/).at(-1) ?? result.model;
  return page({
    title: `The best quantization for ${name}`,
    head: `<p class="lead">${escapeHtml(searchSentence(result))}</p>`,
    parts: [
      section('search', 'What was tried', logHtml(result)),
      ...recipeSection(result),
      notesSection(result.notes),
    ].filter((part) => part !== ''),
  });
}

/** The search as a section of the report of a run. */
export function searchSection(result: SearchResult): string {
  const told = `<p>${escapeHtml(searchSentence(result))}</p>\n${logHtml(result)}`;
  const recipe = result.text === null ? '' : `\n<pre>${escapeHtml(result.text)}</pre>`;
  return section('search', 'How the quantization was found', `${told}${recipe}`);
}

function logHtml(result: SearchResult): string {
  const shared = result.tries.some(({ timedAs }) => timedAs !== null);
  return `${tableHtml(searchTable(result))}${shared ? `<p>${escapeHtml(SHARED)}</p>` : ''}`;
}

function recipeSection({ text }: SearchResult): string[] {
  if (text === null) return [];
  return [section('recipe', 'The recipe that was found', `<pre>${escapeHtml(text)}</pre>`)];
}

const signed = (value: number) => `${value > 0 ? '+' : ''}${significant(value)}`;
