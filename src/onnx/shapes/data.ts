/** Values of small constant tensors. */
import { integerValues, isExternal, tensorDims, tensorType } from '../tensor';
import type { TensorProto } from '../schema';
import { MAX_DATA, product, type Dim } from './types';

const NUMERIC = new Set(['float32', 'float64', 'int64', 'int32', 'int16', 'int8', 'bool']);
const UNSIGNED = new Set(['uint8', 'uint16', 'uint32', 'uint64']);

/**
 * Values of a tensor of at most {@link MAX_DATA} numbers; null for larger ones, those in other files, types that are
 * no plain numbers, and tensors whose bytes do not fit.
 */
export function smallData(tensor: TensorProto, dir: string | null): Dim[] | null {
  const count = product(tensorDims(tensor));
  const type = tensorType(tensor);
  if (count === null || count > MAX_DATA || isExternal(tensor)) return null;
  if (!NUMERIC.has(type) && !UNSIGNED.has(type)) return null;
  try {
    return integerValues(tensor, dir);
  } catch {
    return null; // validateModel says what is wrong with it
  }
}
