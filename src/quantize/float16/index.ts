import { VernierError } from '../../errors';
import { allNodes, label, type Model } from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import type { Note } from '../../results';
import type { Statistics } from '../calibrate';
import type { UnitPlacement } from '../placement';
import type { Unit } from '../units';
import { wideTensors } from './activations';
import { convertToFloat16, type WrittenFloat16 } from './convert';
import { because, type FloatReason } from './reasons';
import { longSums } from './sums';

export { withRounding } from './rounded';

export interface Float16Settings {
  /** Inputs and outputs of the model stay float32. */
  keepIo: boolean;
  /** The file is meant for onnxruntime's CUDA provider. */
  cuda: boolean;
  /** Layers that the recipe keeps, by name. */
  keep: ReadonlySet<string>;
  /** What calibration saw of the float tensors of the main graph; null where there was no data. */
  statistics: Statistics | null;
}

/** A float16 model, layer by layer. */
export interface QuantizedFloat16 {
  model: Model;
  units: UnitPlacement[];
  notes: Note[];
}

/** So many nodes are named in a note. */
const NAMED = 5;
/** Reasons that a note names where no layer does. */
const TOLD = new Set([
  'operator',
  'unknown-type',
  'weight-range',
  'weight-vanishes',
  'weight-small',
]);

/**
 * Writes a prepared model in float16, with what does not fit left in float32: range rules from calibration
 * (`activations.ts`, `sums.ts`) and from the constants (`constants.ts`), operators by their schemas (`operators.ts`).
 * Throws `model.already-quantized` for a model with QuantizeLinear and the like in it.
 * @param types element types of the tensors of the main graph
 */
export function quantizeFloat16(
  prepared: Model,
  units: readonly Unit[],
  types: ReadonlyMap<string, TensorInfo>,
  settings: Float16Settings,
): QuantizedFloat16 {
  refuseQuantized(prepared);
  const { statistics, keepIo, cuda } = settings;
  const keep = statistics ? longSums(prepared, statistics) : new Map<string, FloatReason>();
  const wide = statistics
    ? wideTensors(prepared, statistics, types)
    : new Map<string, FloatReason>();
  // A layer is kept or converted as one, with its bias and activation.
  for (const unit of units) {
    const why = settings.keep.has(unit.name)
      ? because('kept', 'kept in FP32 by the recipe')
      : nodesOf(unit)
          .map((node) => keep.get(node.name))
          .find((reason) => reason !== undefined);
    if (why) for (const node of nodesOf(unit)) keep.set(node.name, why);
  }
  const measured = statistics ?? new Set<string>();
  const written = convertToFloat16(prepared, { keepIo, cuda, keep, wide, measured });
  return {
    model: written.model,
    units: units.map((unit) => placementOf(unit, written)),
    notes: [...operatorNotes(units, written), ...rangeNotes(statistics), ...targetNotes(cuda)],
  };
}

function nodesOf({ node, biasNode, activation }: Unit) {
  return [node, biasNode, activation].filter((n) => n !== null);
}

function placementOf(unit: Unit, { nodes }: WrittenFloat16): UnitPlacement {
  const decisions = nodesOf(unit).map((node) => nodes.get(node.name));
  const float = decisions.find((d) => d?.form !== 'half');
  if (!float && decisions[0]) return { unit, integer: true, precision: 'float16', reason: null };
  const reason = float?.reason?.message ?? 'it has no float32 tensors';
  return { unit, integer: false, reason };
}

/** What stays float32 beside the layers: nodes that move or choose values, and nodes inside bodies. */
function operatorNotes(units: readonly Unit[], { nodes, bodies }: WrittenFloat16): Note[] {
  const listed = new Set(units.flatMap((u) => nodesOf(u).map((node) => node.name)));
  const others = [
    ...[...nodes].filter(([name]) => !listed.has(name)).map(([node, d]) => ({ node, ...d })),
    ...bodies.filter(({ node }) => !nodes.has(node)),
  ];
  const byMessage = new Map<string, string[]>();
  for (const { node, reason } of others) {
    if (!reason || !TOLD.has(reason.code)) continue;
    const names = byMessage.get(reason.message);
    if (names) names.push(node);
    else byMessage.set(reason.message, [node]);
  }
  return [...byMessage].map(([message, names]) => {
    const shown = names.slice(0, NAMED).map((name) => `'${name}'`);
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    const verb = names.length > 1 ? 'stay' : 'stays';
    return {
      code: 'float16-blocked',
      severity: 'info',
      message: `${shown.join(', ')}${more} ${verb} float32: ${message}.`,
      layer: names[0]!,
    };
  });
}

function rangeNotes(statistics: Statistics | null): Note[] {
  if (statistics) return [];
  return [
    {
      code: 'float16-ranges-unchecked',
      severity: 'warning',
      message:
        'No calibration data was given: weights were checked against the range of float16, activations and sums were not.',
      remedy: 'Add calibration: { data: … } to the recipe.',
    },
  ];
}

function targetNotes(cuda: boolean): Note[] {
  if (!cuda) return [];
  return [
    {
      code: 'target-not-executed',
      severity: 'info',
      message:
        'No GPU runs here: the file was loaded and run by the CPU provider, its kernels and speed on NVIDIA GPUs were not seen. What is given for every value rounded is what float16 arithmetic with float32 sums makes of it.',
    },
  ];
}

/** Throws `model.already-quantized` where a model holds QuantizeLinear and the like. */
export function refuseQuantized(model: Model): void {
  for (const node of allNodes(model.graph))
    if (/^(QuantizeLinear|DequantizeLinear|QLinear|DynamicQuantize|.*Integer$)/.test(node.opType))
      throw new VernierError(
        'model.already-quantized',
        `'${label(node)}' is a ${node.opType}: the model is quantized already, and its scales are no values to round.`,
        { node: label(node), remedy: 'Give the float model that it was made from.' },
      );
}
