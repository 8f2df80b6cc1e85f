import {
  fromHalf,
  HALF_MAX,
  halfErrorDb,
  measuredHalfError,
  toHalf,
  toHalfArray,
} from '../../numeric';
import { floatData, type TensorProto } from '../../onnx';
import { because, digits, type FloatReason } from './reasons';

/** Constants with fewer values than this are operands (an epsilon, a factor), others weights. */
const OPERAND = 16;
/** Weights that lose more than this, in dB, stay float32; normal ones lose to about 70. */
const WEIGHT_DB = 50;

/** A constant in float16, and what that does to it. */
interface Halved {
  bits: Uint16Array;
  error: ReturnType<typeof measuredHalfError>;
}

/** By the bytes of the float32 constant, which copies of a model share: models are written many times over. */
const known = new WeakMap<Uint8Array, Halved>();

/** The float16 bits of a float32 constant. */
export function halfBits(tensor: TensorProto, dir: string | null): Uint16Array {
  return halved(tensor, dir).bits;
}

function halved(tensor: TensorProto, dir: string | null): Halved {
  const before = known.get(tensor.rawData);
  if (before) return before;
  const values = floatData(tensor, dir);
  const error = measuredHalfError(values, (x) => fromHalf(toHalf(x)));
  const fresh = { bits: toHalfArray(values), error };
  if (tensor.rawData.length > 0) known.set(tensor.rawData, fresh);
  return fresh;
}

/**
 * Why a constant (known as `as`) stays float32, and its readers with it; null where it may be float16:
 * 1. A finite value beyond 65504 would become infinite. Infinities stay what they are.
 * 2. A value of an operand that is not zero would become zero: an epsilon would no longer keep a divisor from zero.
 * 3. Weights so small that float16 is coarse there, or has nothing but zero for them.
 */
export function whyConstantFloat(
  tensor: TensorProto,
  dir: string | null,
  as = tensor.name,
): FloatReason | null {
  const { bits, error: found } = halved(tensor, dir);
  const name = `'${as}'`;
  if (found.largest > HALF_MAX)
    return because(
      'weight-range',
      `${name} holds ${digits(found.largest)}, and float16 ends at 65504`,
      found.largest,
    );
  if (bits.length < OPERAND) {
    if (found.vanished === 0) return null;
    const smallest = floatData(tensor, dir).reduce(
      (m, x) => (x === 0 ? m : Math.min(m, Math.abs(x))),
      Infinity,
    );
    return because(
      'weight-vanishes',
      `${name} holds ${digits(smallest)}, which is zero as float16`,
      smallest,
    );
  }
  const db = halfErrorDb(found);
  if (db >= WEIGHT_DB) return null;
  return because(
    'weight-small',
    `${name} is so small that float16 rounds it to ${digits(db)} dB, with ${found.vanished} of ${found.nonzero} values zero`,
    db,
  );
}
