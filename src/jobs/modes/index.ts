import type { Mode } from '../../results';
import { dynamicMode } from './dynamic';
import { float16Mode } from './float16';
import { float32Mode } from './float32';
import type { QuantizationMode } from './mode';
import { staticMode } from './static';
import { weightOnlyMode } from './weight-only';

/** Every mode that a recipe can name, as the schema does, and the one that only choosing arrives at. */
export const MODES: Readonly<Partial<Record<Mode, QuantizationMode>>> = {
  static: staticMode,
  dynamic: dynamicMode,
  'weight-only': weightOnlyMode,
  float16: float16Mode,
  float32: float32Mode,
};

/** The mode of a recipe. */
export function modeOf(mode: Mode): QuantizationMode {
  const found = MODES[mode];
  if (!found) throw new Error(`no mode '${mode}'`);
  return found;
}
