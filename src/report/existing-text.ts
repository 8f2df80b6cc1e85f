import type { DequantizeResult, ExistingQuantization, ExistingRange } from '../results';
import type { Table } from './figures/table';
import { notesText } from './notes';
import { paragraphs } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

/** The scales of a file that was quantized before: operators, then a row for each tensor. */
export function existingText(found: ExistingQuantization, options: TerminalOptions = {}): string {
  const operators = found.operators.map(({ op, count }) => `${count} ${op}`).join(', ');
  return [
    `Quantized before (${found.formats.join(', ')}): ${operators}`,
    terminalTable(existingTable(found), options),
  ].join('\n\n');
}

/** A row for each tensor that is quantized already. */
export function existingTable({ tensors }: ExistingQuantization): Table {
  return {
    columns: [
      { name: 'Tensor' },
      { name: 'Role' },
      { name: 'Type' },
      { name: 'Scale', right: true },
      { name: 'Zero point', right: true },
      { name: 'From', right: true },
      { name: 'to', right: true },
      { name: 'Read by' },
    ],
    rows: tensors.map((t) => [
      t.tensor,
      t.role,
      t.type,
      scaleText(t),
      t.zeroPoint === null ? '' : String(t.zeroPoint),
      t.min === null ? '' : t.min.toPrecision(3),
      t.max === null ? '' : t.max.toPrecision(3),
      t.consumers.join(', '),
    ]),
  };
}

function scaleText({ scale, scales, axis, blockSize }: ExistingRange): string {
  if (scale !== null) return scale.toPrecision(3);
  if (!scales) return 'while it runs';
  const along = blockSize ? `in blocks of ${blockSize}` : `along axis ${axis ?? 0}`;
  return `${scales.count} ${along}, ${scales.min.toPrecision(3)} to ${scales.max.toPrecision(3)}`;
}

/** What `vernier dequantize` prints. */
export function dequantizeText(result: DequantizeResult, options: TerminalOptions = {}): string {
  const { before, after, left, outputs, comparedOn, notes, output } = result;
  const closeness: Table = {
    columns: [
      { name: 'Output' },
      { name: 'SQNR, dB', right: true },
      { name: 'Largest difference', right: true },
    ],
    rows: outputs.map((o) => [o.name, o.sqnrDb.toFixed(1), o.maxAbs.toPrecision(3)]),
  };
  const parts = [
    `${before - after} of ${before} quantizing nodes are floats now.`,
    left.map(({ node, op, reason }) => `stays  ${node} (${op}): ${reason}`).join('\n'),
    comparedOn
      ? `Against the given model, whose activations are rounded, on ${comparedOn.samples} samples of ${comparedOn.source}:\n\n${terminalTable(closeness, options)}`
      : '',
    notesText(notes),
    `written: ${output}`,
  ];
  return paragraphs(parts);
}
