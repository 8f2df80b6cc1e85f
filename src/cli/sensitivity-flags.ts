import type { SensitivityStage } from '../results';
import type { SensitivityMeasure } from '../results-sensitivity';
import { last, positive, reportFile, usage, type Tokens } from './tokens';

const STAGES: readonly SensitivityStage[] = ['analytic', 'two-pass', 'exact'];
const MEASURES: readonly SensitivityMeasure[] = ['sqnr', 'cosine', 'kl', 'same-label', 'metric'];

/** The flags of `vernier sensitivity` that are no recipe keys. Throws `cli.usage`. */
export function readSensitivityFlags(tokens: Tokens) {
  const [top, minutes, report] = ['top', 'minutes', 'report'].map((name) => last(tokens, name));
  const measure = word(tokens, 'measure', MEASURES) ?? 'sqnr';
  if (top !== undefined && measure !== 'metric')
    throw usage('--top says of how many layers the metric is evaluated.', 'Add --measure metric.');
  return {
    stage: word(tokens, 'stage', STAGES),
    measure,
    top: top === undefined ? null : positive('top', top, true),
    minutes: minutes === undefined ? null : positive('minutes', minutes, false),
    report: report === undefined ? null : reportFile(report),
  };
}

function word<T extends string>(tokens: Tokens, name: string, words: readonly T[]): T | null {
  const given = last(tokens, name);
  if (given === undefined) return null;
  const found = words.find((each) => each === given);
  if (!found) throw usage(`--${name} takes ${words.join(', ')}, not '${given}'.`);
  return found;
}
