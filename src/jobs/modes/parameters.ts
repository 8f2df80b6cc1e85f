import { firstNames, namesAt } from '../../analyze/calibration-set/sample-marks';
import { chooseParams, codeRange, type ChosenParams, type QuantParams } from '../../numeric';
import { GraphIndex } from '../../onnx';
import { clippingWeight } from '../../quantize/clipping-weight';
import { observe, observeTogether } from '../../quantize/observers';
import type { TensorParams } from '../../quantize/parameters';
import { isFromShapes } from '../../quantize/from-shapes';
import type { ImportedRange } from '../../quantize/ranges';
import { importedParams } from '../../quantize/ranges/params';
import { readRange } from '../../quantize/read-range';
import { hiddenKey, hiddenTensors, isRecurrent } from '../../quantize/recurrent';
import type { TensorStatistics } from '../../quantize/statistics';
import type { LayerWish } from '../../recipe/match';
import type { Note } from '../../results';
import { addNote } from '../context';
import type { Plan } from '../plan';
import type { RecipeRanges } from '../ranges';
import type { Calibrated } from '../stages/calibrate';
import type { Subject } from '../subject';

/**
 * Scale and zero point of every tensor that may be quantized: from the recipe's file of ranges where that names the
 * tensor, else from what calibration saw of it. Ranges that cannot be used are reported by name.
 */
export function chooseParameters(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated,
  wishes: ReadonlyMap<string, LayerWish>,
  notes: Note[],
): { params: Map<string, TensorParams>; unusable: Map<string, string> } {
  const producers = new Map(subject.units.map((u) => [u.output, u.name]));
  const params = new Map<string, TensorParams>();
  const unusable = new Map<string, string>();
  const { percentile } = plan.recipe.quantization.activations;
  const index = new GraphIndex(subject.prepared.graph);
  const isFixed = (tensor: string) => isFromShapes(index, tensor);
  const nameAt = namesAt(calibrated.marks);
  /** Its layers stay float, and people are told. */
  const refuse = (tensor: string, code: string, message: string, remedy?: string) => {
    unusable.set(tensor, message);
    addNote(notes, {
      ...{ code, severity: 'warning', message: `${message}; its layers stay float.`, tensor },
      ...(remedy !== undefined && { remedy }),
    });
  };
  for (const [tensor, statistics] of calibrated.statistics) {
    const range = calibrated.imported?.ranges.get(tensor);
    const layer = producers.get(tensor);
    const observer =
      (layer === undefined ? null : wishes.get(layer)?.observer) ??
      plan.recipe.quantization.activations.observer;
    const read =
      range || observer !== 'auto' || plan.traits.powerOfTwo
        ? null
        : readRange(index, subject.prepared.dir, tensor, statistics);
    const { oddity, ...chosen }: ChosenParams = range
      ? importedParams(range, plan.activationType, plan.traits)
      : observe(statistics, observer, plan.activationType, {
          percentile,
          clipping: clippingWeight(index, tensor, statistics),
          ...(read && { read }),
          ...plan.traits,
        });
    params.set(tensor, read ? { ...chosen, read } : chosen);
    if (!range && calibrated.imported && statistics.samples === 0)
      unusable.set(tensor, `'${calibrated.imported.name}' gives '${tensor}' no range`);
    else if (!range && statistics.samples === 0 && index.producer(tensor) === undefined)
      refuse(
        tensor,
        'range-unusable',
        `'${tensor}' was never computed: no calibration sample came this way`,
        'Add samples that take this branch of the model, or keep the layer in FP32.',
      );
    else if (statistics.notFinite > 0)
      refuse(
        tensor,
        'range-not-finite',
        `'${tensor}' was NaN or infinite in ${statistics.notFinite} of ${statistics.samples} calibration samples (${firstNames(statistics.notFiniteAt, nameAt)})`,
        'Take these samples out, or fill the gaps as it was done in training.',
      );
    else if (oddity !== null && oddity !== 'zero' && oddity !== 'constant')
      refuse(tensor, 'range-unusable', `'${tensor}' has no usable range (${oddity})`);
    else if (oddity !== null)
      addNote(notes, constantNote(tensor, range, statistics, calibrated.imported, isFixed(tensor)));
  }
  for (const { name, node } of subject.units.filter((u) => isRecurrent(u.node))) {
    const read = hiddenTensors(node);
    if (calibrated.imported) {
      const each = read.flatMap((t) => params.get(t) ?? []);
      params.set(hiddenKey(node), covering(each, plan.activationType));
      continue;
    }
    const seen = read.flatMap((t) => calibrated.statistics.get(t) ?? []);
    const { observer } = plan.recipe.quantization.activations;
    const own = wishes.get(name)?.observer ?? observer;
    params.set(hiddenKey(node), observeTogether(seen, own, plan.activationType, { percentile }));
  }
  return { params, unusable };
}

/** What to tell of a tensor whose range is one single value: who says so, and what can be done about it, if anything. */
function constantNote(
  tensor: string,
  given: ImportedRange | undefined,
  statistics: TensorStatistics,
  imported: RecipeRanges | null,
  isFixed: boolean,
): Note {
  const code = 'range-constant';
  if (given)
    return {
      ...{ code, severity: 'warning', tensor, file: imported!.name },
      message: `'${imported!.name}' gives '${tensor}' one single value (${given.max}) for a range.`,
      remedy: 'Check the range in that file, or leave it out so that data tells.',
    };
  if (isFixed)
    return {
      ...{ code, severity: 'info', tensor },
      message: `'${tensor}' has one single value (${statistics.min}) whatever the data: it is computed from shapes and constants alone.`,
    };
  return {
    ...{ code, severity: 'warning', tensor },
    message: `'${tensor}' had one single value (${statistics.min}) in all calibration samples.`,
    remedy: 'Check that the calibration data is varied.',
  };
}

/** Parameters whose codes reach as far as those of each of several. */
function covering(each: readonly QuantParams[], type: 'uint8' | 'int8'): QuantParams {
  const codes = codeRange(type);
  const low = each.map(({ scale, zeroPoint }) => (codes.min - zeroPoint) * scale);
  const high = each.map(({ scale, zeroPoint }) => (codes.max - zeroPoint) * scale);
  return chooseParams(Math.min(...low), Math.max(...high), type);
}
