/** What we use of plotly's cartesian bundle; it has no types of its own. */
export interface Plotly {
  react(
    element: HTMLElement,
    data: readonly object[],
    layout: object,
    config?: object,
  ): Promise<unknown>;
  purge(element: HTMLElement): void;
  Plots: { resize(element: HTMLElement): void };
}

declare global {
  interface Window {
    Plotly?: Plotly;
  }
}

let loading: Promise<Plotly> | null = null;

/** Loads plotly from a script's address, once; a failed load may be tried again. */
export function loadPlotly(source: string, nonce?: string): Promise<Plotly> {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= new Promise<Plotly>((resolve, reject) => {
    const script = document.createElement('script');
    if (nonce) script.nonce = nonce;
    script.onload = () => {
      if (window.Plotly) resolve(window.Plotly);
      else reject(new Error('plotly.js loaded but defined nothing'));
    };
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error(`plotly.js did not load from ${source}`));
    };
    script.src = source;
    document.head.append(script);
  });
  return loading;
}

/** Plotly in the inspector's page: its address and nonce stand in `<meta name="vernier-plotly">`
 * and `<meta name="vernier-nonce">`. */
export function pagePlotly(): Promise<Plotly> {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="vernier-plotly"]');
  if (!meta) return Promise.reject(new Error('the page does not say where plotly.js is'));
  const nonce =
    document.querySelector<HTMLMetaElement>('meta[name="vernier-nonce"]')?.content ??
    document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce;
  return loadPlotly(meta.content, nonce);
}

/** Mode bar only on hover, scroll to zoom, no logo; images are made without the network. */
export const PLOT_CONFIG = {
  displaylogo: false,
  displayModeBar: 'hover',
  scrollZoom: true,
  responsive: false,
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
};

/** The part of a layout that the theme decides. */
export function themedLayout(color: (name: string, ...fallbacks: string[]) => string) {
  const text = color('foreground');
  const dim = color('descriptionForeground', 'foreground');
  const border = color('editorGroup-border', 'panel-border', 'contrastBorder');
  // high-contrast borders are solid: as grid lines they would cut the bars
  const line = /^#[0-9a-f]{6}$/i.test(border) ? `${border}66` : border;
  const axis = {
    gridcolor: line,
    zerolinecolor: line,
    linecolor: line,
    tickcolor: line,
    tickfont: { color: dim, size: 11 },
    title: { font: { color: dim, size: 11 } },
    automargin: true,
  };
  return {
    axis,
    layout: {
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      font: { family: color('font-family'), size: 11, color: text },
      hoverlabel: {
        bgcolor: color('editorHoverWidget-background', 'editor-background'),
        bordercolor: color('editorHoverWidget-border', 'contrastBorder'),
        font: {
          family: color('font-family'),
          color: color('editorHoverWidget-foreground', 'foreground'),
          size: 12,
        },
      },
      modebar: {
        bgcolor: 'rgba(0,0,0,0)',
        color: dim,
        activecolor: text,
      },
      margin: { l: 56, r: 18, t: 30, b: 44 },
      showlegend: false,
      bargap: 0.04,
      dragmode: 'pan',
    },
  };
}
