import type { ErrorData } from '../errors';

/** What a button under an error does. */
export type RemedyAction = 'openRecipe' | 'chooseData' | 'runAgain' | 'manageTrust' | 'showLog';

/** The remedy of an error that is an action of ours; null where only the user can do it. */
export function remedyAction({ code }: ErrorData): RemedyAction | null {
  switch (code) {
    case 'data.not-found':
    case 'data.empty':
    case 'data.missing-input':
      return 'chooseData';
    case 'job.worker-died':
    case 'job.disk-full':
    case 'job.io':
      return 'runAgain';
    case 'job.untrusted':
      return 'manageTrust';
    case 'job.kept-layer-quantized':
    case 'job.breaks-target-rules':
    case 'limits.not-met':
      return 'openRecipe';
    case 'model.does-not-load':
    case 'model.does-not-run':
    case 'internal':
      return 'showLog';
    case 'job.cancelled':
    case 'job.busy':
    case 'cli.usage':
      return null;
    default:
      if (/^(recipe|data|metric)\./.test(code)) return 'openRecipe';
      return null;
  }
}

/** The error in one line for a notification: what, where, what to do. */
export function errorLine({ message, remedy }: ErrorData): string {
  return remedy ? `${message} ${remedy}` : message;
}
