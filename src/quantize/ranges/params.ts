import {
  chooseParams,
  codeRange,
  powerOfTwo as upToPowerOfTwo,
  type ChosenParams,
  type QuantParams,
  type QuantType,
} from '../../numeric';
import type { ImportedRange } from './imported';

/** What a target asks of quantizers. */
interface TargetNumbers {
  symmetric: boolean;
  powerOfTwo: boolean;
}

/**
 * The quantizer that an imported range amounts to. Scale and zero point are the file's own where it names them for this type,
 * or for the other one of as many bits, whose codes are shifted. Otherwise they are made of the range, as they are for a target
 * that is symmetric, or has powers of two alone, where the file's own have their zero elsewhere than in the middle.
 * A scale that is no power of two becomes the next one above, so that nothing clips.
 */
export function importedParams(
  range: ImportedRange,
  type: QuantType,
  { symmetric, powerOfTwo }: TargetNumbers = { symmetric: false, powerOfTwo: false },
): ChosenParams {
  const centred = symmetric || powerOfTwo;
  const own = ownParams(range, type);
  const usable = own !== null && (!centred || own.zeroPoint === middleCode(type));
  const chosen: ChosenParams = usable
    ? { ...own, oddity: null }
    : chooseParams(range.min, range.max, type, { symmetric: centred });
  return powerOfTwo ? { ...chosen, scale: upToPowerOfTwo(chosen.scale) } : chosen;
}

/** The file's own scale and zero point in codes of a type: int8 and uint8 of one scale differ by an offset alone. */
function ownParams({ params }: ImportedRange, type: QuantType): QuantParams | null {
  if (!params) return null;
  const [codes, written] = [codeRange(type), codeRange(params.type)];
  const shift = codes.min - written.min;
  if (codes.max - written.max !== shift) return null;
  return { scale: params.scale, zeroPoint: params.zeroPoint + shift };
}

/** The code with as many above as symmetric codes have below. */
function middleCode(type: QuantType): number {
  const { min, max } = codeRange(type, { symmetric: true });
  return (min + max) / 2;
}
