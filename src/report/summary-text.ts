import type { ModelSummary, QuantizationBreak, RunResult } from '../results';
import { calibrationText } from './calibration';
import { beforeAfterTable } from './before-after';
import { existingText } from './existing-text';
import { choiceText } from './choice';
import { searchText } from './search';
import { fixedSentence, fixedTable } from './fixed';
import { worstErrorsTable } from './figures/errors';
import { layersTable } from './figures/layers';
import { bytes, count, counted, decibels } from './figures/numbers';
import { breaksTable } from './fusions';
import type { Table } from './figures/table';
import { profileParts } from './latency';
import { notesText } from './notes';
import { costOf, verdictSentence, worstFive } from './sentence';
import { verificationText } from './verification';
import { paragraphs, terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

/** Layers that got slower, and breaks that cost time, are named up to so many. */
const SLOWEST = 5;

/** What `vernier run` prints when it is done: layers, before and after, the worst layers, notes. */
export function resultText(result: RunResult, options: TerminalOptions = {}): string {
  const parts = [
    terminalTable(usedColumns(layersTable(result)), options),
    terminalTable(beforeAfterTable(result), options),
    result.fixed ? terminalTable(usedColumns(fixedTable(result.fixed)), options) : '',
    verdictSentence(result),
    result.fixed ? fixedSentence(result.fixed) : '',
    result.choice ? choiceText(result.choice, options) : '',
    result.search ? searchText(result.search, options) : '',
    hurts(result),
    errors(result, options),
    worstSamples(result),
    times(result, options),
    costlyBreaks(result, options),
    result.verification ? `Verified: ${verificationText(result.verification)}.` : '',
    calibrationText(result),
    notesText(result.notes),
  ];
  return terminalText(parts);
}

/** What `vernier inspect` prints. */
export function summaryText(summary: ModelSummary, options: TerminalOptions = {}): string {
  const value = ({ name, type, shape }: ModelSummary['inputs'][number]) =>
    `${name}: ${type}[${shape.map((d) => d ?? '?').join(', ')}]`;
  const domains = summary.domains.filter(({ domain }) => domain !== 'ai.onnx');
  const head = [
    summary.file,
    [
      bytes(summary.bytes),
      `opset ${summary.opset}`,
      ...domains.map(({ domain, version }) => `${domain} ${version}`),
      `IR ${summary.irVersion}`,
      summary.producer,
    ]
      .filter((part) => part !== '')
      .join(', '),
    `${counted(summary.nodes, 'node')}, ${counted(summary.layers.length, 'layer')}, ${count(summary.parameters)} parameters`,
    `in   ${summary.inputs.map(value).join('\n     ')}`,
    `out  ${summary.outputs.map(value).join('\n     ')}`,
  ].join('\n');
  const layers: Table = {
    columns: [
      { name: 'Layer' },
      { name: 'Kind' },
      { name: 'Output' },
      { name: 'MACs', right: true },
      { name: 'Parameters', right: true },
      { name: 'Weights from', right: true },
      { name: 'to', right: true },
    ],
    rows: summary.layers.map((layer) => [
      layer.name,
      layer.kind,
      layer.outputShape?.map((d) => d ?? '?').join('×') ?? '?',
      count(layer.macs),
      count(layer.parameters),
      layer.weight?.min?.toPrecision(3) ?? (layer.weight ? '?' : ''),
      layer.weight?.max?.toPrecision(3) ?? (layer.weight ? '?' : ''),
    ]),
  };
  const existing = summary.quantized ? existingText(summary.quantized, options) : '';
  return paragraphs([
    head,
    terminalTable(layers, options),
    existing,
    fusions(summary),
    notesText(summary.notes),
  ]);
}

function fusions({ fusions: all }: ModelSummary): string {
  const lines: string[] = [];
  const groups = new Map<string, number>();
  for (const { pattern, status } of all)
    if (status !== 'blocked') groups.set(pattern, (groups.get(pattern) ?? 0) + 1);
  for (const [pattern, n] of groups) lines.push(`will fuse  ${n} × ${pattern}`);
  for (const { layer, pattern, blockedBy } of all)
    if (blockedBy)
      lines.push(`blocked    ${pattern} at ${layer} by ${blockedBy.node}: ${blockedBy.reason}`);
  return lines.join('\n');
}

/** Where the time goes, and which layers got slower. */
function times(result: RunResult, options: TerminalOptions): string {
  const found = profileParts(result);
  if (!found) return '';
  return [
    terminalTable(found.table, options),
    ...(found.slower.length > 0 ? ['Layers that got slower:'] : []),
    ...found.slower.slice(0, SLOWEST).map((line) => `  ${line}`),
  ].join('\n');
}

/** Where integers are made floats and integers again, the most time first; nothing where that was not timed. */
function costlyBreaks({ breaks = [] }: RunResult, options: TerminalOptions): string {
  const cost = ({ conversionMs, floatMs }: QuantizationBreak) =>
    (conversionMs ?? 0) + (floatMs ?? 0);
  const timed = breaks.filter(
    ({ conversionMs, floatMs }) => conversionMs !== null || floatMs !== null,
  );
  if (timed.length === 0) return '';
  const costly = [...timed].sort((a, b) => cost(b) - cost(a)).slice(0, SLOWEST);
  const caption =
    costly.length < breaks.length
      ? `Quantization breaks, the ${costly.length} of ${breaks.length} that take the most time`
      : 'Quantization breaks: integers are made floats and integers again';
  return terminalTable({ ...breaksTable(costly), caption }, options);
}

/** What is known of the worst layers' errors. */
function errors(result: RunResult, options: TerminalOptions): string {
  const table = worstErrorsTable(result);
  return table.rows.length > 0 ? terminalTable(usedColumns(table), options) : '';
}

/** The samples that suffer most, in one line. */
function worstSamples({ worstSamples: worst }: RunResult): string {
  if (!worst?.length) return '';
  const named = worst.map(({ sample, sqnrDb }) => `${sample} (${decibels(sqnrDb)})`);
  return `Samples that suffer most: ${named.join(', ')}.`;
}

function hurts(result: RunResult): string {
  const layers = worstFive(result).filter((layer) => layer.hurts);
  if (layers.length === 0) return '';
  return [
    'Layers that hurt:',
    ...layers.map((layer) => `  ${layer.name} ${costOf(layer)}`),
    `Keep one in FP32 with --keep_fp32 '${layers[0]!.name}', or under keep_fp32: in the recipe.`,
  ].join('\n');
}

/** A table without the columns in which every cell is empty or not measured. */
export function usedColumns(table: Table): Table {
  const used = table.columns.map((_, i) =>
    table.rows.some((row) => row[i] !== '' && row[i] !== '–'),
  );
  return {
    ...table,
    columns: table.columns.filter((_, i) => used[i]),
    rows: table.rows.map((row) => row.filter((_, i) => used[i])),
  };
}
