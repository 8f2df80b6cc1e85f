import type { RunResult } from '../results';
import { percent, significant } from './figures/numbers';

/** How much wider a range became over half of it, as a share of that half: from what half of the samples lack of the whole. */
const widening = (growth: number) => growth / (1 - growth);

/** What a calibration set was good for, in sentences; none where nothing is known. */
export function calibrationText({ calibrationReport: report, ranges }: RunResult): string {
  if (!report) return '';
  const { convergence, heldBack, likeness } = report;
  const sentences: string[] = [];
  if (convergence && convergence.growing.length > 0) {
    const { growing, samples } = convergence;
    const list = growing.slice(0, 3).map((g) => `${g.tensor} by ${percent(widening(g.growth))}`);
    const more = growing.length > 3 ? ` and ${growing.length - 3} more` : '';
    sentences.push(
      `Doubling the calibration samples to ${samples} still widened ${list.join(', ')}${more}.`,
    );
  }
  if (convergence && convergence.enough !== null && convergence.enough < convergence.samples) {
    const which = convergence.growing.length > 0 ? 'every other range' : 'every range';
    sentences.push(
      `${convergence.enough} ${convergence.enough === 1 ? 'sample is' : 'samples are'} enough for ${which} to 2 %.`,
    );
  }
  const worst = ranges.reduce<(typeof ranges)[number] | null>(
    (most, r) => ((r.outOfRange ?? 0) > (most?.outOfRange ?? 0) ? r : most),
    null,
  );
  if (heldBack)
    sentences.push(
      worst
        ? `On ${heldBack.samples} samples that were not calibrated on, at most ${percent(worst.outOfRange)} of the values of a tensor lie outside its range (${worst.tensor}).`
        : `On ${heldBack.samples} samples that were not calibrated on, no value lies outside its range.`,
    );
  if (likeness && !likeness.unlike && !likeness.suspicion)
    sentences.push(
      `At ${likeness.node} the samples are like those of training (divergence ${significant(likeness.divergence)}).`,
    );
  return sentences.join(' ');
}
