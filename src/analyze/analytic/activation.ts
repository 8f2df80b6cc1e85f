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

/** The mean of `of` over normal values. */
export function normalMean(center: number, deviation: number, of: (x: number) => number): number {
  let [sum, weights] = [0, 0];
  for (let i = 0; i <= STEPS; i++) {
    const z = REACH * ((2 * i) / STEPS - 1);
    const w = Math.exp((-z * z) / 2);
    sum += w * of(center + z * deviation);
    weights += w;
  }
  return sum / weights;
}

/** Mean of f′² over normal values: what the function does to the power of small noise. */
export function noiseGain(f: Activation, center: number, deviation: number): number {
  const h = Math.max(1e-4, deviation * 1e-3);
  return normalMean(center, deviation, (x) => ((f(x + h) - f(x - h)) / (2 * h)) ** 2);
}
