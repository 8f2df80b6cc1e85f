/** Functions of one value: what they do to normal values, and to small noise on them. */
import type { NodeProto } from '../../onnx';
import { erfc, scalarFunction } from '../../quantize/scalar-functions';

export type Activation = (x: number) => number;

/** The function that a node of one input applies to every value; null where it is none. */
export function activation(node: NodeProto): Activation | null {
  const f = node.input.length === 1 ? scalarFunction(node) : null;
  return f && ((x) => f([x]));
}

/** The share of standard normal values below `x`. */
export const normalBelow = (x: number): number => erfc(-x / Math.SQRT2) / 2;

const STEPS = 64;
/** Deviations on either side that are looked at. */
const REACH = 4;

/** Places of standard normal values, and how often they are there. */
const NORMAL = Array.from({ length: STEPS + 1 }, (_, i) => {
  const z = REACH * ((2 * i) / STEPS - 1);
  return [z, Math.exp((-z * z) / 2)] as const;
});

/** The mean of `of` over normal values. */
export function normalMean(center: number, deviation: number, of: (x: number) => number): number {
  let [sum, weights] = [0, 0];
  for (const [z, w] of NORMAL) {
    sum += w * of(center + z * deviation);
    weights += w;
  }
  return sum / weights;
}

/** Mean of f′ over normal values, and of f′²: what the function does to small noise, and to its power. */
export function slopeOf(f: Activation, center: number, deviation: number) {
  const h = Math.max(1e-4, deviation * 1e-3);
  let [sum, squares, weights] = [0, 0, 0];
  for (const [z, w] of NORMAL) {
    const x = center + z * deviation;
    const slope = (f(x + h) - f(x - h)) / (2 * h);
    sum += w * slope;
    squares += w * slope * slope;
    weights += w;
  }
  return { mean: sum / weights, square: squares / weights };
}
