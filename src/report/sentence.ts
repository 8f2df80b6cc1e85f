import type { AccuracyResult, RunResult, SensitivityStage } from '../results';
import { causeText } from './latency';
import { isShare, metricName, metricUnit, metricValue } from './metric';
import { wordsOf } from './modes';
import { decibels, percent, significant, timesWithin } from './figures/numbers';

/** Metrics that are shares of samples: differences of them are points. */

/** The verdict in one sentence, from measured numbers alone; what was not measured is said. */
export function verdictSentence(result: RunResult): string {
  const { accuracy } = result;
  const clauses = [
    speedAndSize(result),
    accuracy ? gap(accuracy) : agreement(result),
    noise(result),
  ].filter((clause) => clause !== null);
  return `In ${wordsOf(result).short} the model ${clauses.join('; ')}.`;
}

function speedAndSize({ latency, size }: RunResult): string {
  const share = size ? `${percent(size.int8 / size.fp32)} of the size` : null;
  if (!latency)
    return share
      ? `has ${share}, its speed was not measured`
      : 'was not measured for speed or size';
  const { speedup, low, high, verdict } = latency;
  const spread = timesWithin(speedup, low, high);
  const at = share ? ` at ${share}` : '';
  if (verdict === 'faster') return `is faster, ${spread}${at}`;
  if (verdict === 'not proven') return `is not proven to be faster, ${spread}${at}`;
  const why = causeText(latency.profile?.cause);
  return `is not faster here, ${spread}${at}${why === '' ? '' : `: ${why}`}`;
}

const WORDS: Readonly<Record<string, string>> = {
  top1: 'top-1 accuracy',
  top5: 'top-5 accuracy',
};

function gap(accuracy: AccuracyResult): string {
  const { metric, fp32, int8, low, high, n, unproven } = accuracy;
  const named = WORDS[metric] ?? metricName(accuracy);
  const [factor, unit] = isShare(metric) ? [100, ' points'] : [1, metricUnit(accuracy)];
  const signed = (x: number) => `${x > 0 ? '+' : ''}${significant(x * factor)}`;
  const interval = `(${signed(low)} … ${signed(high)} at n = ${n})`;
  if (fp32 === null) return `its ${named} is ${metricValue(accuracy, int8)} ${interval}`;
  const change = `its ${named} changes by ${signed(int8 - fp32)}${unit} ${interval}`;
  if (!unproven) return change;
  return `${change}, which is not proven to differ from none${needed(accuracy)}`;
}

/** What it would take to tell. */
function needed({ n, neededN }: AccuracyResult): string {
  if (!neededN || neededN <= n) return '';
  return `: n is too small to tell, about ${neededN.toLocaleString('en')} samples would be needed`;
}

function agreement({ agreement: same }: RunResult): string {
  if (!same) return 'its accuracy was not measured';
  return `it gives the label of FP32 to ${percent(same.value)} of ${same.n} samples`;
}

function noise({ sqnrDb }: RunResult): string | null {
  const outputs = Object.entries(sqnrDb);
  if (outputs.length === 0) return null;
  const [name, lowest] = outputs.reduce((a, b) => (b[1] < a[1] ? b : a));
  if (lowest >= 150) return 'its outputs are the same to the last bit';
  const where = outputs.length > 1 ? ` at its worst output, '${name}'` : '';
  return `its output keeps ${decibels(lowest)} of signal over noise${where}`;
}

/** The layers that the report names: those that hurt, else the loudest ones by what was measured; at most five. */
export function worstFive(result: RunResult): RunResult['layers'] {
  const cost = (layer: RunResult['layers'][number]) =>
    layer.costsDb ?? (layer.noiseShare === null ? null : layer.noiseShare * 10);
  return result.layers
    .filter((layer) => layer.hurts || (cost(layer) ?? 0) > 0.1)
    .sort((a, b) => Number(b.hurts) - Number(a.hurts) || (cost(b) ?? 0) - (cost(a) ?? 0))
    .slice(0, 5);
}

/** The stage that estimated a layer's share of the noise; null where that was run, or is not known. */
export function estimatedBy({
  noiseShareBy = 'exact',
}: RunResult['layers'][number]): SensitivityStage | null {
  return noiseShareBy === 'exact' ? null : noiseShareBy;
}

/** What a layer costs, in a few words. */
export function costOf(layer: RunResult['layers'][number]): string {
  const parts: string[] = [];
  if (layer.costsDb !== null) parts.push(`costs ${decibels(layer.costsDb)} at the output`);
  const by = estimatedBy(layer);
  if (layer.noiseShare !== null)
    parts.push(`makes ${percent(layer.noiseShare)} of the noise${by ? ` (estimate: ${by})` : ''}`);
  if (parts.length === 0 && layer.local) parts.push(`local error ${decibels(layer.local.sqnrDb)}`);
  return parts.join(', ');
}
