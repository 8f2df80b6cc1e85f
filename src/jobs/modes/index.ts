import type { Mode } from '../../results';
import { dynamicMode } from './dynamic';
import type { QuantizationMode } from './mode';
import { staticMode } from './static';
import { weightOnlyMode } from './weight-only';

/** Every mode that a recipe can name; the schema names the same ones. */
export const MODES: Readonly<Partial<Record<Mode, QuantizationMode>>> = {
  static: staticMode,
  dynamic: dynamicMode,
  'weight-only': weightOnlyMode,
};

/** The mode of a recipe. */
export function modeOf(mode: Mode): QuantizationMode {
  const found = MODES[mode];
  if (!found) throw new Error(`no mode '${mode}'`);
  return found;
}
