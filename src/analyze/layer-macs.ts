import { intAttribute, intsAttribute, type Body, type Model } from '../onnx';
import { macsOf } from '../onnx/macs';
import type { ScopedShapes, TensorInfo } from '../onnx/shapes';
import type { Unit } from '../quantize/units';

/**
 * Multiply-accumulates of a layer for one sample; null where a size is open. Inside a Scan those of one turn times the number
 * of turns; inside a Loop, whose turns are not known, null; a branch of If counts as if it were taken.
 */
export function layerMacs(unit: Unit, model: Model, shapes: ScopedShapes): number | null {
  const once = macsOf(unit.node, visible(model, unit.body ?? null, shapes));
  if (once === null) return null;
  let turns = 1;
  for (let body = unit.body ?? null; body; body = body.parent) {
    const times = turnsOf(model, body, shapes);
    if (times === null) return null;
    turns *= times;
  }
  return once * turns;
}

function turnsOf(model: Model, { owner, parent }: Body, shapes: ScopedShapes): number | null {
  if (owner.opType === 'If') return 1;
  if (owner.opType !== 'Scan') return null;
  const scanned = intAttribute(owner, 'num_scan_inputs', 1);
  const sequence = owner.input[owner.input.length - scanned] ?? '';
  const shape = visible(model, parent, shapes).get(sequence)?.shape;
  const axis = intsAttribute(owner, 'scan_input_axes')?.[0] ?? 0;
  const length = shape?.[axis < 0 ? axis + shape.length : axis];
  return typeof length === 'number' ? length : null;
}

/** What a graph's nodes can read: its own tensors, then those of the graphs around it. */
function visible(
  model: Model,
  body: Body | null,
  shapes: ScopedShapes,
): ReadonlyMap<string, TensorInfo> {
  const outer = shapes.get(model.graph) ?? new Map<string, TensorInfo>();
  if (!body) return outer;
  const around = visible(model, body.parent, shapes);
  return new Map([...around, ...(shapes.get(body.graph) ?? [])]);
}
