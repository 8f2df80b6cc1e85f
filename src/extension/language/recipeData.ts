import { applyEdits, setValue } from '../../recipe/edit';

/** A recipe's text with this calibration data instead of what it names. */
export function withData(text: string, data: string): string {
  return applyEdits(text, setValue(text, ['calibration', 'data'], data));
}
