import type { Mode } from '../results';

/** What people call a mode: in a sentence, and where the form of the file matters too. */
export const MODE_NAMES: Readonly<Record<Mode, { short: string; long: string }>> = {
  static: { short: 'INT8', long: 'static INT8 (Q/DQ)' },
  dynamic: { short: 'dynamic INT8', long: 'dynamic INT8' },
  'weight-only': { short: 'weight-only form', long: 'weight-only' },
  float16: { short: 'float16', long: 'float16' },
  float32: { short: 'FP32', long: 'FP32, not quantized' },
};
