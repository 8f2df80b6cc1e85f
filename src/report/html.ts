import type { FusionMeasurement, ModelSummary, RunResult } from '../results';
import type { MixedPrecision } from '../results-mixed';
import type { SensitivityReport } from '../results-sensitivity';
import { escapeHtml } from './figures/figure';
import { gainsSection } from './fusion-gains';
import { fixedPoint } from './html/fixed-point';
import { page } from './html/page';
import * as sections from './html/sections';
import { plansSection } from './mixed';
import { wordsOf } from './modes';
import { sensitivitySection } from './sensitivity';
import { verdictSentence } from './sentence';

/**
 * A result as one HTML file that needs nothing from elsewhere: the verdict, before and after, what hurts, every layer,
 * ranges, fusions, bytes, where the numbers came from, and the lines that load the model. Every text is escaped.
 * @param summary what the model's file says, for its producer and opset; null if it is not at hand
 * @param mixed plans of mixed precision that were tried beside it
 * @param gains what fusing gains, where it was measured
 * @param sensitivity what quantizing each layer does to the outputs, where that was measured by itself
 */
export function renderHtml(
  result: RunResult,
  summary: ModelSummary | null,
  mixed: MixedPrecision | null = null,
  gains: FusionMeasurement | null = null,
  sensitivity: SensitivityReport | null = null,
): string {
  const parts = [
    sections.beforeAfter(result),
    sections.choice(result),
    sections.worst(result),
    mixed ? plansSection(mixed) : '',
    sections.times(result),
    sections.heatMap(result),
    sensitivity ? sensitivitySection(sensitivity) : '',
    sections.layers(result),
    fixedPoint(result),
    sections.ranges(result),
    sections.fusions(result),
    gains ? gainsSection(gains) : '',
    sections.byteBudget(result),
    sections.outputs(result),
    sections.load(result),
    sections.provenance(result, summary),
    sections.notes(result),
  ].filter((part) => part !== '');
  const links = parts.flatMap((part) => {
    const found = /^<section id="([^"]+)">\n<h2>(.*?)<\/h2>/.exec(part);
    return found ? `<a href="#${found[1]}">${found[2]}</a>` : [];
  });
  const name = result.model.split(/[\\/]/).at(-1) ?? result.model;
  const title = `${name} in ${wordsOf(result).short}`;
  return page({
    title,
    head: `${badges(result)}
<p class="lead">${escapeHtml(verdictSentence(result))}</p>
<nav>${links.join('\n')}</nav>`,
    parts,
  });
}

function badges(result: RunResult): string {
  const badges: string[] = [];
  if (result.calibration?.random)
    badges.push(
      '<p><span class="badge bad">random calibration data</span> Its ranges say nothing about real inputs, and neither do the numbers below.</p>',
    );
  const missed = result.limits.filter(({ met }) => met === false);
  if (missed.length > 0)
    badges.push(
      `<p><span class="badge bad">limits not met</span> ${escapeHtml(missed.map(({ limit }) => limit).join(', '))}</p>`,
    );
  if (!result.complete)
    badges.push('<p><span class="badge">incomplete</span> The run had not finished.</p>');
  return badges.join('\n');
}
