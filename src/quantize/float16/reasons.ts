/** Why something stays float32: a stable code, and words that follow "because". */
export interface FloatReason {
  code: FloatCode;
  message: string;
  /** The number behind the decision, where there is one. */
  value?: number;
}

/**
 * - `kept`: the recipe says so
 * - `operator`: ONNX or the runtime has it in float32 alone
 * - `range`: a tensor comes too near to the largest float16
 * - `integers`: a tensor holds integers that are no float16 numbers
 * - `small`, `vanishes`: a tensor lies where float16 is coarse; values that something divides by become zero
 * - `sum`: a sum over many products or squares may leave the range
 * - `weight-range`, `weight-small`, `weight-vanishes`: the same of constants
 * - `shape`: arithmetic on sizes
 * - `unknown-type`: the type of a tensor is not known
 * - `moves-float`: it moves values that are float32
 * - `body`: what goes in and out of a body
 */
export type FloatCode =
  | 'kept'
  | 'operator'
  | 'range'
  | 'integers'
  | 'small'
  | 'vanishes'
  | 'sum'
  | 'weight-range'
  | 'weight-small'
  | 'weight-vanishes'
  | 'shape'
  | 'unknown-type'
  | 'moves-float'
  | 'body';

export function because(code: FloatCode, message: string, value?: number): FloatReason {
  return value === undefined ? { code, message } : { code, message, value };
}

/** A number for a sentence: three digits. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
