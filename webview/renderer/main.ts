import type { ActivationFunction, OutputItem } from 'vscode-notebook-renderer';
import type { NotebookResultData } from '../../src/protocol';
import { drawPlot, type PlotData } from './plot';
import { drawResult } from './result';

const PLOTLY = 'application/vnd.plotly.v1+json';

/**
 * Draws what the notebook's cells give: plotly figures, which VS Code has no renderer for, and results.
 * What a drawing holds (observers, the chart) goes when its output goes.
 */
export const activate: ActivationFunction = () => {
  const drawn = new Map<string, () => void>();
  const dispose = (id: string) => {
    drawn.get(id)?.();
    drawn.delete(id);
  };
  return {
    async renderOutputItem(item: OutputItem, element: HTMLElement, signal: AbortSignal) {
      dispose(item.id);
      try {
        if (item.mime === PLOTLY) {
          const plot = await drawPlot(item.json() as PlotData, element, signal);
          if (plot) drawn.set(item.id, plot);
        } else {
          drawResult(item.json() as NotebookResultData, element);
        }
      } catch (error) {
        element.textContent = `Vernier could not draw this output: ${String(error)}`;
      }
    },
    disposeOutputItem(id) {
      for (const each of id === undefined ? [...drawn.keys()] : [id]) dispose(each);
    },
  };
};
