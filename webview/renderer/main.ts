import type { ActivationFunction, OutputItem } from 'vscode-notebook-renderer';
import { drawPlot, type PlotData } from './plot';

/**
 * Draws plotly figures (`application/vnd.plotly.v1+json`), for which VS Code has no renderer of its own.
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
        const end = await drawPlot(item.json() as PlotData, element, signal);
        if (end) drawn.set(item.id, end);
      } catch (error) {
        element.textContent = `Vernier could not draw this chart: ${error instanceof Error ? error.message : String(error)}`;
      }
    },
    disposeOutputItem(id) {
      for (const each of id === undefined ? [...drawn.keys()] : [id]) dispose(each);
    },
  };
};
