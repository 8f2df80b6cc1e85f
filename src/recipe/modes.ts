import type { Mode, Target } from '../results';

/** Whether a mode reads activation ranges from calibration data: always, where data is named, or never. */
export type CalibrationNeed = 'needed' | 'useful' | 'unused';

const NEEDS: Readonly<Record<Mode, CalibrationNeed>> = {
  static: 'needed',
  dynamic: 'unused',
  'weight-only': 'unused',
  float16: 'useful',
  float32: 'unused',
};

export function isMode(mode: unknown): mode is Mode {
  return typeof mode === 'string' && Object.hasOwn(NEEDS, mode);
}

/** The mode that a target is written in alone; null for a target of several. */
export function onlyModeOf(target: Target | 'auto' | undefined): Mode | null {
  if (target === 'nvidia-fp16') return 'float16';
  return target === 'fpga-fixed' ? 'static' : null;
}

/** The mode of a recipe: the one that it names, or that its target has alone, or static. */
export function modeFor(
  mode: Mode | 'auto' | undefined,
  target: Target | 'auto' | undefined,
): Mode | 'auto' {
  return mode ?? onlyModeOf(target) ?? 'static';
}

/** What calibration data is to a mode, or to choosing one; a mode that is not known is taken to need it. */
export function calibrationNeed(mode: string): CalibrationNeed {
  if (mode === 'auto') return 'useful';
  return isMode(mode) ? NEEDS[mode] : 'needed';
}
