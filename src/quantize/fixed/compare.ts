/** The program against the runtime, which executes the Q/DQ file that it was read from. */
import type { Feed, Model } from '../../onnx';
import type { Resume } from '../../resume';
import type { Session } from '../../runtime/session';
import { withoutClipping } from '../../runtime/pair-probe';
import { openTapped } from '../../runtime/taps';
import { fractionOf } from './format';
import { isExactInFloat, type FixedProgram, type FixedStep, type FixedTensor } from './program';
import { runStep } from './simulate';
import type { Bounds } from './sums';

/** What one step gave on all samples, beside what the runtime gave. */
export interface StepAgreement {
  /** Node and tensor. */
  step: string;
  tensor: string;
  /** Whether float32 arithmetic must give the same (see {@link isExactInFloat}). */
  exact: boolean;
  values: number;
  different: number;
  /** Largest difference in codes. */
  largest: number;
  /** Lowest and highest whole sum; null for a step that adds nothing. */
  sums: Bounds | null;
  /** Sums that the accumulator cannot hold. */
  beyond: number;
}

/** What {@link compareFixed} has of the first `done` samples. */
export interface CompareState {
  done: number;
  agreements: StepAgreement[];
}

export interface CompareOptions {
  accumulatorBits: number;
  /** Hears of the samples of this call and those that `resume` has. */
  onSample?: (done: number) => void | Promise<void>;
  resume?: Resume<CompareState>;
}

/**
 * Runs samples through both and compares the codes of every tensor bit for bit. Each step reads the runtime's own codes, so
 * that a difference shows where it is made; where no step differs, all of them in a row give the runtime's codes too.
 */
export async function compareFixed(
  program: FixedProgram,
  model: Model,
  feeds: readonly Feed[],
  { accumulatorBits, onSample, resume }: CompareOptions,
): Promise<StepAgreement[]> {
  const tensors = new Map(program.tensors.map((t) => [t.name, t]));
  const { done, agreements } = resume?.before ?? {
    done: 0,
    agreements: program.steps.map(unseen),
  };
  const limit = 2 ** (accumulatorBits - 1);
  const { session } = await openTapped(model, [...tensors.keys()], await withoutClipping());
  try {
    for (const [i, feed] of feeds.entries()) {
      if (i < done) continue;
      const seen = await runtimeCodes(session, feed, tensors);
      for (const [s, step] of program.steps.entries()) {
        const inputs = step.inputs.map((name) => seen.get(name));
        const theirs = seen.get(step.output);
        if (!theirs || !inputs.every((codes) => codes !== undefined)) continue;
        const agreement = agreements[s]!;
        const own = runStep(step, inputs, tensors, (sum) => watch(agreement, sum, limit));
        count(agreement, own, theirs);
      }
      await resume?.step(() => ({ done: i + 1, agreements }));
      await onSample?.(i + 1);
    }
  } finally {
    await session.release();
  }
  return agreements;
}

function unseen(step: FixedStep): StepAgreement {
  return {
    step: step.name,
    tensor: step.output,
    exact: isExactInFloat(step),
    values: 0,
    different: 0,
    largest: 0,
    sums: null,
    beyond: 0,
  };
}

/** The runtime's codes of every tensor that it gives. */
export async function runtimeCodes(
  session: Session,
  feed: Feed,
  tensors: ReadonlyMap<string, FixedTensor>,
): Promise<Map<string, Float64Array>> {
  const results = await session.run(
    feed,
    session.outputs.filter((name) => tensors.has(name)),
  );
  const codes = new Map<string, Float64Array>();
  for (const [name, { data }] of Object.entries(results))
    codes.set(name, codesIn(tensors.get(name)!, data as ArrayLike<number>));
  return codes;
}

/** Codes of a tensor that the runtime gives as codes or, a sum without a format, as floats. */
function codesIn(tensor: FixedTensor, data: ArrayLike<number>): Float64Array {
  if (!(data instanceof Float32Array)) return Float64Array.from(data);
  const { fraction } = tensor.format;
  const channels = typeof fraction === 'number' ? 1 : fraction.length;
  const axis = tensor.shape.length >= 3 ? 1 : tensor.shape.length - 1;
  const inner = tensor.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Float64Array.from(data, (x, i) => {
    const channel = channels === 1 ? 0 : Math.floor(i / inner) % channels;
    return x * 2 ** fractionOf(tensor.format, channel);
  });
}

function watch(agreement: StepAgreement, sum: number, limit: number): void {
  const sums = (agreement.sums ??= { low: sum, high: sum });
  if (sum < sums.low) sums.low = sum;
  if (sum > sums.high) sums.high = sum;
  if (sum < -limit || sum >= limit) agreement.beyond++;
}

function count(agreement: StepAgreement, own: Float64Array, theirs: Float64Array): void {
  agreement.values += own.length;
  for (let i = 0; i < own.length; i++) {
    const difference = Math.abs(own[i]! - theirs[i]!);
    if (difference === 0) continue;
    agreement.different++;
    agreement.largest = Math.max(agreement.largest, difference);
  }
}
