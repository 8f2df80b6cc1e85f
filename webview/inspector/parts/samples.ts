import { t } from '../../l10n';
import { sourceName } from '../../logic/format';

/** What something was measured on. */
export interface Samples {
  samples: number;
  source: string;
  /** Held back from calibration. */
  heldBack?: boolean;
  random: boolean;
}

/** How many samples of what, in words; of random data just that it is random. */
export function samplesText({ samples: n, source, heldBack = false, random }: Samples): string {
  if (random) return t('choice.random');
  return t(heldBack ? 'overview.heldBack' : 'overview.evaluatedOn', {
    n,
    source: sourceName(source),
  });
}
