import { floatData, tensorBytes, tensorDims, type GraphIndex, type Model } from '../onnx';
import { channelRange } from '../numeric';
import type { Unit } from '../quantize/units';
import type { WeightSummary } from '../results';

/** A layer's constant weight with its values, after folding. */
export interface WeightValues {
  tensor: string;
  dims: number[];
  axis: number | null;
  values: Float32Array;
}

/** Reads the weight of a unit; null where it has none. */
export function weightValues(model: Model, index: GraphIndex, unit: Unit): WeightValues | null {
  const proto = unit.weight && index.initializer(unit.weight.tensor);
  if (!unit.weight || !proto) return null;
  return {
    tensor: unit.weight.tensor,
    dims: tensorDims(proto),
    axis: unit.weight.axis,
    values: floatData(proto, model.dir),
  };
}

/** Finite extremes of every output channel, or of the whole where there is no channel axis; 0 where there are none. */
export function weightRange({ dims, axis, values }: WeightValues): {
  min: number[];
  max: number[];
} {
  const range =
    axis === null ? channelRange(values, [1, values.length], 0) : channelRange(values, dims, axis);
  const finite = (x: number) => (Number.isFinite(x) ? x : 0);
  return { min: Array.from(range.min, finite), max: Array.from(range.max, finite) };
}

/** Weights of all layers that take more bytes together are not read for a table, except those that are small. */
const READ_FOR_TABLE = 256 << 20;
const SMALL = 1 << 20;

/**
 * What the table of layers shows of each weight; null for a layer without one. Where all weights together are too many to be
 * read for a table, those of 1 MB and more have no extremes: they are computed when someone asks for the layer.
 */
export function weightReader(
  model: Model,
  indexOf: (unit: Unit) => GraphIndex,
  units: readonly Unit[],
): (unit: Unit) => WeightSummary | null {
  const protoOf = (unit: Unit) => unit.weight && indexOf(unit).initializer(unit.weight.tensor);
  const bytesOf = (unit: Unit) => {
    const proto = protoOf(unit);
    return proto ? tensorBytes(proto) : 0;
  };
  const all = units.reduce((sum, unit) => sum + bytesOf(unit), 0);
  return (unit) => {
    const proto = protoOf(unit);
    if (!unit.weight || !proto) return null;
    if (all > READ_FOR_TABLE && bytesOf(unit) >= SMALL) {
      const { tensor, axis } = unit.weight;
      return { tensor, shape: tensorDims(proto), axis, min: null, max: null, channelMax: null };
    }
    const weight = weightValues(model, indexOf(unit), unit);
    return weight && summarizeWeight(weight);
  };
}

/** What the table of layers shows of a weight. */
export function summarizeWeight(weight: WeightValues) {
  const { min, max } = weightRange(weight);
  return {
    tensor: weight.tensor,
    shape: weight.dims,
    axis: weight.axis,
    min: min.reduce((a, b) => Math.min(a, b), min[0] ?? 0),
    max: max.reduce((a, b) => Math.max(a, b), max[0] ?? 0),
    channelMax: min.map((low, c) => Math.max(-low, max[c]!)),
  } satisfies WeightSummary;
}
