import type { ModelSummary, RunResult } from '../results';
import { escapeHtml, type Figure } from './figures/figure';
import { heatmapFigure } from './figures/heatmap';
import { layersFigure } from './figures/layers';
import { rangesFigure } from './figures/ranges';
import { verdictFigure } from './figures/verdict';

/**
 * A result as one HTML file that needs nothing from elsewhere: before and after, every layer, the errors,
 * the ranges, where the data came from, and the lines that load the model.
 */
export function renderHtml(result: RunResult, summary: ModelSummary | null): string {
  const { calibration, load, runtime } = result;
  const figures: Figure[] = [
    verdictFigure(result),
    ...(result.layers.some(({ local, accumulated }) => local ?? accumulated)
      ? [heatmapFigure(result)]
      : []),
    layersFigure(result),
    ...(result.ranges.length ? [rangesFigure(result.ranges, calibration?.samples ?? 0)] : []),
  ];
  const facts = [
    `Model ${result.model}` + (summary ? `, ${summary.layers.length} layers` : ''),
    `Written to ${result.output ?? 'no file'}, ${result.mode} INT8 for ${result.target}`,
    calibration
      ? `Calibrated on ${calibration.samples} samples of ${calibration.source}`
      : 'Not calibrated',
    `Run with ${runtime.name} ${runtime.version}, ${result.finishedAt}`,
  ];
  const title = `${result.model}: what quantization did`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { font: 14px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15rem 0.75rem 0.15rem 0; border-bottom: 1px solid #ddd; }
pre { background: #f4f4f4; padding: 0.75rem; overflow-x: auto; }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>
${notes(result)}
${figures.map((figure) => `<h2>${escapeHtml(figure.title)}</h2>\n${figure.svg ?? figure.html}`).join('\n')}
${load ? `<h2>Load it</h2>\n<p>Needs ${escapeHtml(load.runtime)}, opset ${load.opset}.</p>\n${[load.python, load.cpp, load.node].map((lines) => `<pre>${escapeHtml(lines)}</pre>`).join('\n')}` : ''}
</body>
</html>
`;
}

function notes({ notes: all }: RunResult): string {
  if (!all.length) return '';
  const items = all.map(
    ({ severity, message }) => `<li>${escapeHtml(severity)}: ${escapeHtml(message)}</li>`,
  );
  return `<ul>${items.join('')}</ul>`;
}
