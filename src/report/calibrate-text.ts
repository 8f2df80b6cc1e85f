import type { CalibrateResult, MergeResult } from '../results';
import { calibrationText } from './calibration';
import { counted } from './figures/numbers';
import { rangesTable } from './figures/ranges';
import { calibrationDocument, type Json } from './json';
import { notesDocument, notesText } from './notes';
import { usedColumns } from './summary-text';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

/** What `vernier calibrate` prints: ranges, checks, and what was written. */
export function calibrateText(made: CalibrateResult, options: TerminalOptions = {}): string {
  const { result, statistics, exported } = made;
  const parts: string[] = [];
  if (result) {
    const { calibration } = result;
    parts.push(
      terminalTable(usedColumns(rangesTable(result.ranges)), options),
      calibration
        ? `${counted(result.ranges.length, 'tensor')} over ${counted(calibration.samples, 'sample')} of ${calibration.source}.`
        : '',
      calibrationText(result),
      notesText(result.notes),
    );
  }
  const written: string[] = [];
  if (statistics) {
    const { file, from, to, total } = statistics;
    const which =
      to - from === total ? `all ${total} samples` : `samples ${from} to ${to - 1} of ${total}`;
    written.push(`written: ${file} (statistics of ${which})`);
  }
  for (const { file, format, tensors, left, unmarked } of exported) {
    written.push(`written: ${file} (${tensors} ranges, ${format})`);
    if (unmarked)
      written.push(
        `  note: these ranges come from random data; ${format} has no place to say so, so that whoever reads the file cannot know.`,
      );
    for (const { tensor, reason } of left) written.push(`  without ${tensor}: ${reason}`);
  }
  parts.push(written.join('\n'));
  return terminalText(parts);
}

/** The document of `calibrate --json`. */
export function calibrateDocument({ result, statistics, exported }: CalibrateResult): {
  [key: string]: Json;
} {
  return {
    model: result?.model ?? null,
    recipe: result?.recipe ?? null,
    target: result?.target ?? null,
    runtime: result && { ...result.runtime },
    calibration: result?.calibration ? { ...result.calibration } : null,
    calibration_report: result && calibrationDocument(result),
    seconds: result?.seconds.calibrate ?? null,
    notes: result && notesDocument(result.notes),
    statistics: statistics && { ...statistics },
    exported: exported.map(({ file, format, tensors, left, unmarked }) => ({
      file,
      format,
      tensors,
      left: left.map((one) => ({ ...one })),
      unmarked,
    })),
  };
}

/** What `vernier merge` prints. */
export function mergeText(made: MergeResult): string {
  const { parts, samples, tensors, model, source, random, output } = made;
  return [
    `${parts} parts make the whole: ${samples} samples of ${source}${random ? ' (random)' : ''}, ${tensors} tensors of ${model}.`,
    `written: ${output}`,
  ].join('\n');
}

/** The document of `merge --json`. */
export function mergeDocument(made: MergeResult): { [key: string]: Json } {
  return { ...made };
}
