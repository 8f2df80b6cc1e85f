import {
  binsOf,
  expectedHalfError,
  HALF_INTEGERS,
  HALF_MAX,
  HALF_VANISHES,
  halfErrorDb,
} from '../../numeric';
import { GraphIndex, isDefaultDomain, type Model, type NodeProto } from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import type { Statistics } from '../calibrate';
import type { TensorStatistics } from '../statistics';
import { because, digits, type FloatReason } from './reasons';

/** A tensor must leave this much room below 65504: calibration has not seen all there is. */
export const RANGE_MARGIN = 2;
/** Tensors that lose more than this, in dB, stay float32; normal ones lose to about 70. */
const TENSOR_DB = 45;

/** Operators that make much of a zero: what they read there must not become one. */
const DIVIDES: Readonly<Record<string, number>> = { Div: 1, Reciprocal: 0, Log: 0, Sqrt: 0 };

/**
 * Tensors of the main graph that do not fit into float16, by what calibration saw of them:
 * 1. `range`: the largest magnitude, twice, is beyond 65504.
 * 2. `integers`: it was cast from integers, of which some are above 2048, where float16 has no longer all.
 * 3. `vanishes`: values that are not zero become zero, and something divides by them, or takes their root or logarithm.
 * 4. `small`: most of its energy lies below 6·10⁻⁵, where steps no longer shrink with the values.
 * Infinities and NaN are the same in both types.
 */
export function wideTensors(
  prepared: Model,
  statistics: Statistics,
  types: ReadonlyMap<string, TensorInfo>,
): Map<string, FloatReason> {
  const index = new GraphIndex(prepared.graph);
  const wide = new Map<string, FloatReason>();
  for (const [tensor, seen] of statistics) {
    const why = whyWide(index, tensor, seen, types);
    if (why) wide.set(tensor, why);
  }
  return wide;
}

function whyWide(
  index: GraphIndex,
  tensor: string,
  seen: TensorStatistics,
  types: ReadonlyMap<string, TensorInfo>,
): FloatReason | null {
  if (seen.moments.count === 0) return null;
  const largest = Math.max(-seen.min, seen.max);
  if (largest * RANGE_MARGIN > HALF_MAX)
    return because(
      'range',
      `'${tensor}' reached ${digits(largest)} in calibration, and float16 ends at 65504`,
      largest,
    );
  if (largest > HALF_INTEGERS && comesFromIntegers(index.producer(tensor), types))
    return because(
      'integers',
      `'${tensor}' holds integers up to ${digits(largest)}, and float16 has all of them only up to 2048`,
      largest,
    );
  const error = expectedHalfError(binsOf(seen.histogram));
  if (error.vanished > 0 && index.consumers(tensor).some((node) => divides(node, tensor)))
    return because(
      'vanishes',
      `'${tensor}' held values below ${digits(HALF_VANISHES)}, which are zero as float16, and something divides by it`,
      error.vanished,
    );
  const db = halfErrorDb(error);
  if (db < TENSOR_DB)
    return because(
      'small',
      `'${tensor}' is so small that float16 rounds it to ${digits(db)} dB`,
      db,
    );
  return null;
}

function comesFromIntegers(
  producer: NodeProto | undefined,
  types: ReadonlyMap<string, TensorInfo>,
): boolean {
  if (producer?.opType !== 'Cast') return false;
  const from = types.get(producer.input[0] ?? '')?.type ?? 'undefined';
  return /^u?int/.test(from);
}

function divides(node: NodeProto, tensor: string): boolean {
  const slot = isDefaultDomain(node.domain) ? DIVIDES[node.opType] : undefined;
  return slot !== undefined && node.input[slot] === tensor;
}
