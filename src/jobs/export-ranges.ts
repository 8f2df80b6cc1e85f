import { chooseParams, codeRange, type QuantParams, type QuantType } from '../numeric';
import { everyRoot } from '../quantize/place-bodies';
import { placeFor } from '../quantize/place-for';
import { marksRandom, writeRanges, type ExportedRange, type RangeFormat } from '../quantize/ranges';
import type { TensorStatistics } from '../quantize/statistics';
import type { WideType } from '../quantize/wide';
import type { LayerWish } from '../recipe/match';
import type { WrittenRanges } from '../results';
import { forcedLayers } from './forced';
import { chooseParameters } from './modes/parameters';
import { wideLayers, wideParams } from './modes/static';
import type { Plan } from './plan';
import type { Calibrated } from './stages/calibrate';
import { wishesOf } from './stages/quantize';
import { writeResultFile } from './statistics-file';
import { everythingFor, type Subject } from './subject';

/**
 * Writes the ranges of all tensors that the recipe could quantize, as its observers choose them, in another tool's format.
 * Throws `job.io`, `job.disk-full`.
 */
export async function exportRanges(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated,
  { format, file }: { format: RangeFormat; file: string },
): Promise<WrittenRanges> {
  const wishes = wishesOf(plan, subject);
  const { params, unusable } = chooseParameters(plan, subject, calibrated, wishes, []);
  const { roots, wide } = quantizersOf(plan, subject, wishes);
  const paramsOf = wideParams(plan, calibrated);
  const ranges = new Map<string, ExportedRange>();
  const left: WrittenRanges['left'] = [];
  for (const [tensor, statistics] of calibrated.statistics) {
    // Tensors that share a quantizer have the range of the one that it was made for.
    const root = roots.get(tensor) ?? tensor;
    const reason = unusable.get(root);
    const type = wide.get(tensor) ?? plan.activationType;
    const own = wide.has(tensor) ? paramsOf(tensor, wide.get(tensor)!) : params.get(root);
    const seen = root === tensor ? statistics : null;
    if (reason !== undefined) left.push({ tensor, reason });
    else if (own) ranges.set(tensor, rangeOf(plan, own, type, seen));
  }
  const random =
    (plan.recipe.calibration?.random ?? false) ||
    (calibrated.taken?.random ?? false) ||
    (calibrated.imported?.random ?? false);
  await writeResultFile(file, writeRanges(ranges, format, random));
  const unmarked = random && !marksRandom(format);
  return { file, format, tensors: ranges.size, left, unmarked };
}

/** The tensors with whose quantizers tensors have theirs, with nothing kept; and the type of those that have 16 bits alone. */
function quantizersOf(
  plan: Plan,
  subject: Subject,
  wishes: ReadonlyMap<string, LayerWish>,
): { roots: Map<string, string>; wide: Map<string, WideType> } {
  const { prepared, units, typeOf } = subject;
  const { family } = plan.traits;
  const forced = forcedLayers(plan, wishes);
  const { types, refused } = wideLayers(plan, units, wishes, new Set());
  const wide = new Map<string, WideType>();
  if (types.size === 0) return { roots: everyRoot(everythingFor(subject, forced, family)), wide };
  // 8-bit layers beside them have the quantizers that the written file gives them: as if these stayed float
  const keep = new Set([...types.keys(), ...refused.keys()]);
  const roots = everyRoot(placeFor(family, prepared, units, { keep, forced }, typeOf));
  for (const { name, inputs, output } of units) {
    const type = types.get(name);
    if (!type) continue;
    for (const tensor of [...inputs, output]) if (!roots.has(tensor)) wide.set(tensor, type);
  }
  return { roots, wide };
}

/** The range of a quantizer: what was seen where it was made of just that, else what its codes reach. */
function rangeOf(
  plan: Plan,
  own: QuantParams,
  type: QuantType,
  seen: TensorStatistics | null,
): ExportedRange {
  const { scale, zeroPoint } = own;
  const symmetric = plan.traits.symmetric || plan.traits.powerOfTwo;
  if (seen && seen.samples > 0) {
    const made = chooseParams(seen.min, seen.max, type, { symmetric });
    if (made.scale === scale && made.zeroPoint === zeroPoint)
      return { min: seen.min, max: seen.max, type, scale, zeroPoint };
  }
  const codes = codeRange(type, { symmetric });
  const [min, max] = [codes.min, codes.max].map((code) => (code - zeroPoint) * scale);
  return { min: min!, max: max!, type, scale, zeroPoint };
}
