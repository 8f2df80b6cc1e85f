import { formatText, type FixedFormat } from '../format';
import { sumBits, type FixedStep, type FixedTensor } from '../program';

/** The formats of a step as people read them. */
export interface StepSummary {
  inputs: string[];
  /** Null where it has none. */
  weight: string | null;
  bias: string | null;
  /** As many bits as the widest sum can need. */
  accumulator: string;
  output: string;
  /** Smallest and largest shift to the right of all channels; null where the sum is the result. */
  shift: [number, number] | null;
  /** Bits that the widest sum can need. */
  sumBits: number;
}

/** Names the formats of a step. */
export function stepSummary(
  step: FixedStep,
  tensors: ReadonlyMap<string, FixedTensor>,
): StepSummary {
  const format = (bits: number, fraction: FixedFormat['fraction']) =>
    formatText({ bits, fraction });
  const product = step.op === 'conv' || step.op === 'matrix';
  const constant = 'constant' in step ? step.constant : null;
  return {
    inputs: step.inputs.map((name) => formatText(tensors.get(name)!.format)),
    weight: product ? format(8, step.weightFraction) : constant && format(8, constant.fraction),
    bias: product && step.bias ? format(32, step.sumFraction) : null,
    accumulator: format(sumBits(step), step.sumFraction),
    output: formatText(tensors.get(step.output)!.format),
    shift: shiftOf(step),
    sumBits: sumBits(step),
  };
}

function shiftOf(step: FixedStep): [number, number] | null {
  if (!step.requantize) return null;
  const { shift } = step.requantize;
  const all = step.op === 'concat' ? step.shifts : typeof shift === 'number' ? [shift] : shift;
  return [Math.min(...all), Math.max(...all)];
}
