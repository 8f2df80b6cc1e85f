import type { FixedResult, FixedStepResult } from '../results';
import { bytes, count, counted, notMeasured } from './figures/numbers';
import type { Table } from './figures/table';

/** What the integers gave beside onnxruntime, and where they are exported to, in two sentences. */
export function fixedSentence({ steps, samples, source, heldBack, files }: FixedResult): string {
  const values = steps.reduce((sum, s) => sum + s.values, 0);
  const different = steps.reduce((sum, s) => sum + s.different, 0);
  const on = `on ${counted(samples, 'sample')} of ${source}${heldBack ? ', not calibrated on' : ''}`;
  const ran =
    samples === 0
      ? `In fixed point it has ${steps.length} steps, which were not run.`
      : different === 0
        ? `In fixed point its ${steps.length} steps give onnxruntime's ${count(values)} codes bit for bit, ${on}.`
        : `In fixed point ${count(different)} of ${count(values)} codes are not onnxruntime's, ${on}.`;
  return `${ran} Exported: ${files.map((f) => `${f.name} (${bytes(f.bytes)})`).join(', ')}.`;
}

/** One row a step: the formats of what it reads, adds up and gives, and the bits of its sums. */
export function fixedTable({ steps, accumulatorBits, samples }: FixedResult): Table {
  return {
    columns: [
      { name: 'Layer' },
      { name: 'Step' },
      { name: 'Input' },
      { name: 'Weights' },
      { name: 'Bias' },
      { name: 'Accumulator' },
      { name: 'Output' },
      { name: 'Shift', right: true },
      { name: 'Worst sum, bits', right: true },
      { name: 'Measured, bits', right: true },
      { name: 'Too wide', right: true },
      { name: 'Equal codes', right: true },
    ],
    rows: steps.map((step) => [
      step.layer,
      step.op,
      step.inputs.join(', '),
      step.weight ?? '',
      step.bias ?? '',
      step.accumulator,
      step.output,
      shiftText(step),
      `${step.worstBits}${step.worstBits > accumulatorBits ? ` > ${accumulatorBits}` : ''}`,
      step.measuredBits === null ? notMeasured : String(step.measuredBits),
      samples === 0 ? notMeasured : count(step.beyond),
      equalText(step),
    ]),
  };
}

/** E.g. `7`, or `7 … 9` where channels differ. */
export function shiftText({ shift }: FixedStepResult): string {
  if (!shift) return '';
  return shift.low === shift.high ? String(shift.low) : `${shift.low} … ${shift.high}`;
}

function equalText({ values, different }: FixedStepResult): string {
  if (values === 0) return notMeasured;
  return different === 0
    ? `all ${count(values)}`
    : `${count(values - different)} of ${count(values)}`;
}
