import type { Model } from '../onnx';
import type { TargetFamily } from './operators';
import { placeTensorRt } from './place-tensorrt';
import { placeBodies } from './place-bodies';
import { place, type Placement, type PlacementOptions } from './placement';
import type { TypeOf, Unit } from './units';

type Place = typeof place;

const PLACES: Readonly<Record<TargetFamily, Place>> = {
  cpu: place,
  onnx: place,
  tensorrt: placeTensorRt,
  'fpga-fixed': place,
};

/** Families whose files are for runtimes that compute inside If, Loop and Scan as outside. */
const INSIDE_BODIES: readonly TargetFamily[] = ['cpu', 'onnx'];

/** Decides which layers a family of targets computes in integers, by the rules of that family. */
export function placeFor(
  family: TargetFamily,
  model: Model,
  units: readonly Unit[],
  options: Omit<PlacementOptions, 'family'>,
  typeOf: TypeOf,
): Placement {
  const own = { ...options, family };
  const main = PLACES[family](model, units, own, typeOf);
  if (!INSIDE_BODIES.includes(family)) return main;
  return placeBodies(main, model, units, own, typeOf, PLACES[family]);
}
