import {
  chooseParams,
  codeRange,
  powerOfTwo,
  type ChosenParams,
  type QuantType,
} from '../../numeric';
import type { ImportedRange } from './imported';

/**
 * The quantizer that an imported range amounts to. Scale and zero point are the file's own where it names them for this very
 * type; otherwise they are made of the range.
 * A target that is symmetric, or has powers of two alone, takes the range, not the numbers.
 * @param fromZero the tensor has nothing below zero, which files that know magnitudes only do not say
 */
export function importedParams(
  range: ImportedRange,
  type: QuantType,
  fromZero: boolean,
  target: { symmetric: boolean; powerOfTwo: boolean } = { symmetric: false, powerOfTwo: false },
): ChosenParams {
  const { params, symmetric, min, max } = range;
  if (target.powerOfTwo || (target.symmetric && params?.zeroPoint !== 0)) {
    const chosen = chooseParams(min, max, type, { symmetric: true });
    return target.powerOfTwo ? { ...chosen, scale: powerOfTwo(chosen.scale) } : chosen;
  }
  if (params?.type === type)
    return { scale: params.scale, zeroPoint: params.zeroPoint, oddity: null };
  if (params) {
    // int8 and uint8 of the same scale differ by the offset of their codes alone
    const shift = codeRange(type).min - codeRange(params.type).min;
    const same = codeRange(type).max - codeRange(params.type).max === shift;
    if (same) return { scale: params.scale, zeroPoint: params.zeroPoint + shift, oddity: null };
  }
  return chooseParams(symmetric && fromZero ? 0 : min, max, type);
}
