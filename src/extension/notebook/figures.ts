import type { Figure } from '../../report/figures/figure';
import { heatmapFigure } from '../../report/figures/heatmap';
import { layersFigure, summaryTable } from '../../report/figures/layers';
import { rangesFigure } from '../../report/figures/ranges';
import { verdictFigure } from '../../report/figures/verdict';
import type { ModelSummary, RunResult } from '../../results';
import type { FigureName } from './plan';

/** What a cell shows of what was found; a figure whose numbers are not there is left out. */
export function figuresFor(
  names: readonly FigureName[],
  summary: ModelSummary | null,
  result: RunResult | null,
): Figure[] {
  return [...new Set(names)].flatMap((name): Figure[] => {
    switch (name) {
      case 'layers':
        return summary ? [summaryTable(summary)] : [];
      case 'ranges':
        return result?.ranges.length
          ? [rangesFigure(result.ranges, result.calibration?.samples ?? 0)]
          : [];
      case 'quantized':
        return result?.layers.length ? [layersFigure(result)] : [];
      case 'verdict':
        return result ? [verdictFigure(result)] : [];
      case 'heatmap':
        return result?.layers.some(({ local, accumulated }) => local ?? accumulated)
          ? [heatmapFigure(result)]
          : [];
    }
  });
}
