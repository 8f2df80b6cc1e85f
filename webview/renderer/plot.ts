import { loadPlotly, PLOT_CONFIG, themedLayout } from '../plotly';

/** A figure of `application/vnd.plotly.v1+json`. */
export interface PlotData {
  data: readonly object[];
  layout?: Record<string, unknown>;
  config?: object;
}

/** A VS Code colour from the notebook's page. */
function color(name: string, ...fallbacks: string[]): string {
  const style = getComputedStyle(document.documentElement);
  for (const each of [name, ...fallbacks]) {
    const value = style.getPropertyValue(`--vscode-${each}`).trim();
    if (value) return value;
  }
  return style.getPropertyValue('--vscode-foreground').trim() || 'gray';
}

/** The figure's layout over the theme's: what the author set stays, what colours can be left out follows VS Code. */
function themed(own: Record<string, unknown>): object {
  const { axis, layout } = themedLayout(color);
  const axes = new Set([
    'xaxis',
    'yaxis',
    ...Object.keys(own).filter((k) => /^[xy]axis\d*$/.test(k)),
  ]);
  const merged: Record<string, unknown> = { ...layout, ...own };
  for (const name of axes) {
    const mine = (own[name] ?? {}) as { title?: unknown };
    const title = typeof mine.title === 'string' ? { text: mine.title } : (mine.title ?? {});
    merged[name] = { ...axis, ...mine, title: { ...axis.title, ...title } };
  }
  // colours of a template (white paper) would fight the theme
  delete merged.template;
  return {
    ...merged,
    paper_bgcolor: layout.paper_bgcolor,
    plot_bgcolor: layout.plot_bgcolor,
    font: layout.font,
    hoverlabel: layout.hoverlabel,
    dragmode: own.dragmode ?? layout.dragmode,
  };
}

/** Draws a figure and keeps it fitting: width and theme. Returns what ends that, or null if it was aborted. */
export async function drawPlot(
  figure: PlotData,
  element: HTMLElement,
  signal: AbortSignal,
): Promise<(() => void) | null> {
  const plotly = await loadPlotly(new URL('./webview/plotly.js', import.meta.url).href);
  if (signal.aborted) return null;
  const own = figure.layout ?? {};
  const box = document.createElement('div');
  box.className = 'vernier-plot';
  box.dataset.testid = 'vernier-plot';
  box.style.height = `${typeof own.height === 'number' ? own.height : 320}px`;
  element.replaceChildren(box);
  const draw = () =>
    plotly.react(box, figure.data, themed(own), {
      ...PLOT_CONFIG,
      scrollZoom: false,
      ...figure.config,
    });
  await draw();
  const sizes = new ResizeObserver(() => {
    if (box.clientWidth > 0) plotly.Plots.resize(box);
  });
  sizes.observe(element);
  const themes = new MutationObserver(() => void draw());
  themes.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  return () => {
    sizes.disconnect();
    themes.disconnect();
    plotly.purge(box);
  };
}
