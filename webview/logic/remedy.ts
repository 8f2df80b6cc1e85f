import type { ErrorData, InspectorAction } from '../../src/protocol';
import type { TextKey } from '../l10n/phrase';

/** The button under an error that does what its remedy says; null where only the user can. */
export interface RemedyButton {
  label: TextKey;
  action: InspectorAction;
}

/** What the page can do about an error. */
export function remedyButton(error: ErrorData): RemedyButton | null {
  const { code } = error;
  if (code === 'data.not-found' || code === 'data.empty')
    return { label: 'menu.calibrate', action: 'calibrate' };
  if (/^(data|metric|recipe)\./.test(code) || code === 'limits.not-met')
    return { label: 'menu.openRecipe', action: 'openRecipe' };
  if (code === 'job.kept-layer-quantized' || code === 'job.breaks-target-rules')
    return { label: 'menu.openRecipe', action: 'openRecipe' };
  if (code.startsWith('job.') && code !== 'job.untrusted' && code !== 'job.busy')
    return { label: 'failure.again', action: 'quantize' };
  return code === 'internal' ? { label: 'failure.again', action: 'quantize' } : null;
}
