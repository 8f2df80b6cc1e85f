/** What is written beside a fixed-point model. */
import type { FixedProgram } from '../program';
import { collectConstants } from './constants';
import { headerText } from './c-header';
import { jsonText } from './json';
import type { TestVector } from './vectors';

export { testVector, type TestVector } from './vectors';

/** More constants than these bytes go into a file of their own: as text in C they would take four times as much. */
export const MOST_IN_TEXT = 2 * 2 ** 20;

export interface ExportOptions {
  /** Name of the model's file without its ending. */
  name: string;
  /** SHA-256 of the model's file. */
  sha256: string;
  accumulatorBits: number;
  vectors: readonly TestVector[];
  /** Bytes of constants that may stand in the texts; {@link MOST_IN_TEXT} by default. */
  mostInText?: number;
}

/** Files by their names: `NAME.fixed.h`, `NAME.fixed.json`, and with many constants `NAME.fixed.bin`. */
export function exportFixed(
  program: FixedProgram,
  { mostInText = MOST_IN_TEXT, ...options }: ExportOptions,
): { name: string; data: string | Uint8Array }[] {
  const constants = collectConstants(program);
  const base = `${options.name}.fixed`;
  const bin = constants.block.length > mostInText ? `${base}.bin` : null;
  const all = { ...options, bin };
  return [
    { name: `${base}.h`, data: headerText(program, constants, all) },
    { name: `${base}.json`, data: jsonText(program, constants, all, options.accumulatorBits) },
    ...(bin ? [{ name: bin, data: constants.block }] : []),
  ];
}
