import type { Mode } from '../results';

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

/** What calibration data is to a mode, or to choosing one; a mode that is not known is taken to need it. */
export function calibrationNeed(mode: string): CalibrationNeed {
  if (mode === 'auto') return 'useful';
  return isMode(mode) ? NEEDS[mode] : 'needed';
}
