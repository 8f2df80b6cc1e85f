import type { FixedProgram } from '../program';

/** Codes of a sample: what enters fixed point, and what leaves it. */
export interface TestVector {
  inputs: Record<string, Int8Array>;
  /** Whole sums where a result has no format of 8 bits. */
  outputs: Record<string, number[]>;
}

/** A test vector of what the runtime gave for a sample. */
export function testVector(
  { inputs, outputs }: FixedProgram,
  codes: ReadonlyMap<string, Float64Array>,
): TestVector {
  const from = (name: string) => codes.get(name) ?? new Float64Array();
  return {
    inputs: Object.fromEntries(inputs.map((name) => [name, Int8Array.from(from(name))])),
    outputs: Object.fromEntries(outputs.map((name) => [name, Array.from(from(name))])),
  };
}
