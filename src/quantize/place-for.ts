import type { Model } from '../onnx';
import type { TargetFamily } from './operators';
import { placeTensorRt } from './place-tensorrt';
import { place, type Placement, type PlacementOptions } from './placement';
import type { TypeOf, Unit } from './units';

type Place = typeof place;

const PLACES: Readonly<Record<TargetFamily, Place>> = {
  cpu: place,
  onnx: place,
  tensorrt: placeTensorRt,
  'fpga-fixed': place,
};

/** Decides which layers a family of targets computes in integers, by the rules of that family. */
export function placeFor(
  family: TargetFamily,
  model: Model,
  units: readonly Unit[],
  options: Omit<PlacementOptions, 'family'>,
  typeOf: TypeOf,
): Placement {
  return PLACES[family](model, units, { ...options, family }, typeOf);
}
