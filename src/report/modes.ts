import type { Mode, Precision, RunResult } from '../results';

/** What tables and sentences call a mode. */
export interface ModeName {
  /** In a sentence, and where the form of the file matters too. */
  short: string;
  long: string;
  /** Above the figures of the written model. */
  column: string;
  /** What its layers became, after their number. */
  became: string;
  /** Above the reasons of layers that stayed as they were. */
  why: string;
  /** True where layers compute in integers: only there a share of MACs in INT8 means something. */
  integers: boolean;
}

const INT8 = { column: 'INT8', became: 'in INT8', why: 'Why not INT8', integers: true };
const named = (column: string, became: string) => ({
  column,
  became,
  why: `Why not ${became}`,
  integers: false,
});

/** What people call a mode. */
export const MODE_NAMES: Readonly<Record<Mode, ModeName>> = {
  static: { short: 'INT8', long: 'static INT8 (Q/DQ)', ...INT8 },
  dynamic: { short: 'dynamic INT8', long: 'dynamic INT8', ...INT8 },
  'weight-only': {
    short: 'weight-only form',
    long: 'weight-only',
    ...named('Weight-only', 'with smaller weights'),
  },
  float16: { short: 'float16', long: 'float16', ...named('Float16', 'in float16') },
  float32: { short: 'FP32', long: 'FP32, not quantized', ...named('Written', 'changed') },
};

/** What the same is called where every layer that was written has another form than the mode's usual one. */
const FORMS: Partial<Record<Precision, ModeName>> = {
  int16: {
    short: 'INT16',
    long: 'static INT16 (Q/DQ)',
    column: 'INT16',
    became: 'in INT16',
    why: 'Why not INT16',
    integers: true,
  },
  bfloat16: { short: 'bfloat16', long: 'bfloat16', ...named('Bfloat16', 'in bfloat16') },
};

/** What people call what a run wrote. */
export function wordsOf({ mode, layers }: Pick<RunResult, 'mode' | 'layers'>): ModeName {
  const written = new Set(layers.map(({ precision }) => precision));
  written.delete('float32');
  const [only, ...more] = written;
  return (more.length === 0 && only ? FORMS[only] : undefined) ?? MODE_NAMES[mode];
}
