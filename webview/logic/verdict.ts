import type { RunResult } from '../../src/protocol';
import type { Phrase } from '../l10n/phrase';
import { bytes, db, fixed, percent, plain, threads, timesDigits, whole } from './format';
import { FINE } from './proposals';
import { accuracyGap, metricName, metricValue, worstOutput } from './measures';

/** The answer to *is it good enough to ship?*, made of measured numbers only. */
export interface Verdict {
  tone: 'good' | 'bad' | 'warn' | 'plain';
  headline: Phrase;
  sentences: Phrase[];
}

const SPEED = {
  faster: 'verdict.faster',
  'not proven': 'verdict.fasterUnproven',
  'not faster here': 'verdict.notFaster',
} as const;

/** The verdict of a run; what was not measured is left out, never guessed. */
export function verdict(result: RunResult): Verdict {
  const sentences: Phrase[] = [];
  const { latency, size, accuracy, agreement } = result;
  if (latency) {
    const digits = timesDigits(latency.speedup, latency.low, latency.high);
    sentences.push([
      SPEED[latency.verdict],
      {
        times: fixed(latency.speedup, digits),
        low: fixed(latency.low, digits),
        high: fixed(latency.high, digits),
        threads: threads(latency.threads),
      },
    ]);
  }
  if (size)
    sentences.push([
      'verdict.size',
      { percent: percent(size.int8 / size.fp32), int8: bytes(size.int8), fp32: bytes(size.fp32) },
    ]);
  const gap = accuracy && accuracyGap(accuracy);
  if (accuracy && gap && accuracy.fp32 !== null)
    sentences.push([
      accuracy.unproven ? 'verdict.accuracyUnproven' : 'verdict.accuracy',
      {
        metric: metricName(accuracy),
        fp32: metricValue(accuracy, accuracy.fp32),
        int8: metricValue(accuracy, accuracy.int8),
        gap: `${gap.text}${gap.unit && ` ${gap.unit}`}`,
        low: gap.low,
        high: gap.high,
        n: accuracy.n,
      },
    ]);
  if (accuracy?.neededN && accuracy.neededN > accuracy.n)
    sentences.push(['verdict.neededN', { needed: whole(accuracy.neededN) }]);
  if (accuracy?.labels) {
    const { lost, gained, p } = accuracy.labels;
    const chance = p < 0.001 ? '< 0.001' : plain(p);
    sentences.push(['verdict.labels', { lost, gained, n: accuracy.n, p: chance }]);
  }
  if (agreement)
    sentences.push(['verdict.agreement', { percent: percent(agreement.value), n: agreement.n }]);
  const worst = worstOutput(result);
  if (worst)
    sentences.push([
      worst.of > 1 ? 'verdict.sqnrWorst' : 'verdict.sqnr',
      { db: db(worst.db), output: worst.name, n: worst.of },
    ]);
  return { ...headline(result), sentences };
}

function headline(result: RunResult): Omit<Verdict, 'sentences'> {
  if (result.calibration?.random) return { tone: 'bad', headline: ['verdict.random'] };
  const missed = result.limits.filter((limit) => limit.met === false);
  const open = result.limits.filter((limit) => limit.met === null);
  const speed = result.latency?.verdict;
  if (missed.length)
    return {
      tone: 'bad',
      headline: ['verdict.limitsMissed', { missed: missed.length, n: result.limits.length }],
    };
  if (open.length) return { tone: 'warn', headline: ['verdict.limitsOpen', { open: open.length }] };
  if (speed === 'not faster here') return { tone: 'warn', headline: ['verdict.headNotFaster'] };
  if (result.limits.length)
    return { tone: 'good', headline: ['verdict.limitsMet', { n: result.limits.length }] };
  const output = worstOutput(result);
  const fine = output !== null && output.db >= FINE;
  const hurting = fine ? 0 : result.layers.filter((layer) => layer.hurts).length;
  if (hurting) return { tone: 'warn', headline: ['verdict.hurting', { n: hurting }] };
  return { tone: 'plain', headline: ['verdict.noLimits'] };
}
