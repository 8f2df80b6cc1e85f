/** Placement and Q/DQ of a small graph with given parameters: no folding, no calibration, no runtime. */
import type { QuantParams } from '../../src/numeric';
import type { Model } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { PassContext } from '../../src/quantize/context';
import { place, type PlacementOptions } from '../../src/quantize/placement';
import { writeQdq } from '../../src/quantize/qdq';
import { listUnits } from '../../src/quantize/units';

export interface PlaceOptions extends Partial<PlacementOptions> {
  /** Parameters by tensor; scale 0.1 around 128 where there are none. */
  params?: Record<string, QuantParams>;
  granularity?: 'channel' | 'tensor';
}

export function placed(model: Model, options: PlaceOptions = {}) {
  const { params = {}, granularity = 'channel', keep = new Set(), unusable, forced } = options;
  const context = new PassContext();
  const shapes = inferShapes(model);
  const typeOf = (tensor: string) => shapes.get(tensor)?.type;
  const units = listUnits(model, context, typeOf);
  const wishes = { keep, ...(unusable ? { unusable } : {}), ...(forced ? { forced } : {}) };
  const placement = place(model, units, wishes, typeOf);
  const paramsOf = (tensor: string) => params[tensor] ?? { scale: 0.1, zeroPoint: 128 };
  const written = writeQdq(model, placement, paramsOf, { type: 'uint8' }, () => ({
    granularity,
    bits: 8,
  }));
  return { context, units, placement, written };
}

/** `name: reason` of every float layer, `name` alone of every integer one. */
export const decisions = ({ placement }: ReturnType<typeof placed>) =>
  placement.units.map(({ unit, reason }) => (reason ? `${unit.name}: ${reason}` : unit.name));
