import { chooseParams, codeRange, type QuantParams, type QuantType } from '../numeric';
import { everyRoot } from '../quantize/place-bodies';
import { writeRanges, type ExportedRange, type RangeFormat } from '../quantize/ranges';
import type { TensorStatistics } from '../quantize/statistics';
import type { WrittenRanges } from '../results';
import { forcedLayers } from './forced';
import { chooseParameters } from './modes/parameters';
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
  const forced = forcedLayers(plan, wishes);
  const roots = everyRoot(everythingFor(subject, forced, plan.traits.family));
  const ranges = new Map<string, ExportedRange>();
  const left: WrittenRanges['left'] = [];
  for (const [tensor, statistics] of calibrated.statistics) {
    // Tensors that share a quantizer have the range of the one that it was made for.
    const root = roots.get(tensor) ?? tensor;
    const reason = unusable.get(root);
    const own = params.get(root);
    if (reason !== undefined) left.push({ tensor, reason });
    else if (own) ranges.set(tensor, rangeOf(plan, own, root === tensor ? statistics : null));
  }
  const random =
    (plan.recipe.calibration?.random ?? false) ||
    (calibrated.taken?.random ?? false) ||
    (calibrated.imported?.random ?? false);
  await writeResultFile(file, writeRanges(ranges, format, random));
  return { file, format, tensors: ranges.size, left };
}

/** The range of a quantizer: what was seen where it was made of just that, else what its codes reach. */
function rangeOf(plan: Plan, own: QuantParams, seen: TensorStatistics | null): ExportedRange {
  const type: QuantType = plan.activationType;
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
