import type { DequantizeResult } from '../../results';

/** What a message says of a de-quantized model. */
export interface Dequantized {
  /** Quantizing nodes that are floats now, and those there were. */
  floats: number;
  before: number;
  /** The first of those that stay. */
  stays: DequantizeResult['left'][number] | null;
  /** The output furthest from the given model's, and on what; null where they were not compared. */
  compared: { db: number; samples: number; source: string; random: boolean } | null;
  /** Why they were not compared. */
  notCompared: string | null;
}

/** The figures of a result that fit into one message. */
export function dequantized(result: DequantizeResult): Dequantized {
  const { before, after, left, outputs, comparedOn, notes } = result;
  const note = (code: string) => notes.find((one) => one.code === code);
  return {
    floats: before - after,
    before,
    stays: left[0] ?? null,
    compared:
      comparedOn && outputs.length > 0
        ? {
            db: Math.min(...outputs.map(({ sqnrDb }) => sqnrDb)),
            samples: comparedOn.samples,
            source: comparedOn.source,
            random: note('random-data') !== undefined,
          }
        : null,
    notCompared: note('not-compared')?.message ?? null,
  };
}
