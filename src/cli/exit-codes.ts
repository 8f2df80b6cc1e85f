import type { ErrorCode } from '../errors';
import type { CheckResult, RunResult } from '../results';

/** What the process tells its caller. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongInput: 2,
  limitsNotMet: 3,
  cancelled: 130,
} as const;

/** The exit code of an error: what the user gave is 2, what went wrong on the way 1. */
export function exitCodeOf(code: ErrorCode): number {
  if (code === 'job.cancelled') return exitCodes.cancelled;
  if (code === 'limits.not-met') return exitCodes.limitsNotMet;
  return /^(model|data|metric|recipe|cli)\./.test(code) ? exitCodes.wrongInput : exitCodes.failed;
}

/** The exit code of a run that came to its end. A limit that was not measured is not missed. */
export function exitCodeOfResult({ limits }: Pick<RunResult, 'limits'>): number {
  return limits.some(({ met }) => met === false) ? exitCodes.limitsNotMet : exitCodes.done;
}

/** The exit code of a check: a rule that is broken counts like a limit that is not met. */
export function exitCodeOfCheck({ findings }: Pick<CheckResult, 'findings'>): number {
  return findings.some(({ severity }) => severity === 'error')
    ? exitCodes.limitsNotMet
    : exitCodes.done;
}
