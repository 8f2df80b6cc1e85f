import type { ModeChoice, ModeTrial } from '../results';
import { bytes, db, notMeasured, percent, significant } from './figures/numbers';
import type { Table } from './figures/table';
import { metricName } from './metric';
import { speedText } from './figures/trial';
import type { Json } from './json-value';
import { speedDocument } from './latency';
import { MODE_NAMES } from './modes';
import { notesDocument, notesText } from './notes';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';
import { capital, comparedOn, threadsText } from './words';

/** FP32 and every mode that was tried: speed with its spread, p50 and p99, what is kept, size. */
export function choiceTable(choice: ModeChoice): Table {
  const metric = choice.trials.find((t) => t.accuracy)?.accuracy ?? null;
  const labels = !metric && choice.trials.some((t) => t.agreement);
  const base = choice.trials.find((t) => t.latency)?.latency ?? null;
  const tail = (p50?: number, p99?: number) =>
    p50 === undefined ? notMeasured : `${significant(p50)} / ${significant(p99)}`;
  const kept = (value: string) => (metric || labels ? [value] : []);
  const won = (mode: string) => (mode === choice.winner ? '←' : '');
  const row = (t: ModeTrial): string[] => [
    MODE_NAMES[t.mode].long,
    t.latency ? speedText(t.latency) : notMeasured,
    tail(t.latency?.int8P50, t.latency?.int8P99),
    db(t.worstDb),
    ...kept(metric ? significant(t.accuracy?.int8) : percent(t.agreement?.value)),
    percent(t.int8MacShare),
    bytes(t.bytes),
    t.failure?.message ?? [won(t.mode), t.misses ?? ''].filter((part) => part).join(' '),
  ];
  return {
    columns: [
      { name: 'Mode' },
      { name: 'Speed-up', right: true },
      { name: 'p50 / p99, ms', right: true },
      { name: 'SQNR, dB', right: true },
      ...kept(metric ? metricName(metric) : 'same label').map((name) => ({ name, right: true })),
      { name: 'INT8 MACs', right: true },
      { name: 'Size', right: true },
      { name: '' },
    ],
    rows: [
      [
        MODE_NAMES.float32.short,
        '1',
        tail(base?.fp32P50, base?.fp32P99),
        notMeasured,
        ...kept(metric ? significant(metric.fp32) : notMeasured),
        notMeasured,
        bytes(choice.fp32Bytes),
        won('float32'),
      ],
      ...choice.trials.map(row),
    ],
  };
}

/** What won and why, and what it was read from, in two sentences. */
export function choiceSentence(choice: ModeChoice): string {
  const { measuredOn, threads } = choice;
  const on = comparedOn(measuredOn);
  return (
    `Chosen: ${MODE_NAMES[choice.winner].long}. ${capital(choice.reason)}. ` +
    `Each mode against FP32, interleaved, on ${on}; ${choice.rule} (${choice.machine}, ${threadsText(threads)}).`
  );
}

/** What `vernier choose` prints. */
export function choiceText(choice: ModeChoice, options: TerminalOptions = {}): string {
  return terminalText([
    terminalTable(choiceTable(choice), options),
    choiceSentence(choice),
    notesText(choice.notes),
  ]);
}

/** The document that `vernier choose --json` prints, and `choice` of a run. */
export function choiceDocument(choice: ModeChoice): { [key: string]: Json } {
  return {
    model: choice.model,
    recipe: choice.recipe,
    target: choice.target,
    winner: choice.winner,
    reason: choice.reason,
    rule: choice.rule,
    measured_on: { ...choice.measuredOn },
    machine: choice.machine,
    threads: choice.threads,
    runtime: choice.runtime,
    fp32_bytes: choice.fp32Bytes,
    notes: notesDocument(choice.notes),
    trials: choice.trials.map((t) => ({
      mode: t.mode,
      failure: t.failure && { ...t.failure },
      misses: t.misses,
      missed: (t.missed ?? []).map((limit) => ({ ...limit })),
      loses: t.loses ?? null,
      bytes: t.bytes,
      int8_mac_share: t.int8MacShare,
      worst_db: t.worstDb,
      agreement: t.agreement && { ...t.agreement },
      accuracy: t.accuracy && {
        metric: t.accuracy.metric,
        own: t.accuracy.own ? { ...t.accuracy.own } : null,
        fp32: t.accuracy.fp32,
        int8: t.accuracy.int8,
        n: t.accuracy.n,
      },
      latency: t.latency && {
        ...speedDocument(t.latency),
        fp32_p99: t.latency.fp32P99,
        int8_p99: t.latency.int8P99,
        pairs: t.latency.pairs,
        verdict: t.latency.verdict,
      },
    })),
  };
}
