/** Anything drawn, in every form that a notebook, a report or a terminal can show. */
export interface Figure {
  /** One line that says what it shows. */
  title: string;
  /** A plotly figure, or null where a table says more. */
  plotly: PlotlyFigure | null;
  /** The same as a picture without script, or null for a plain table. */
  svg: string | null;
  html: string;
  text: string;
}

/** The document of the mime type `application/vnd.plotly.v1+json`. */
export interface PlotlyFigure {
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
  config?: Record<string, unknown>;
}

/** Text made safe inside HTML and SVG, attributes included. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c] ?? c,
  );
}

/** Layout that all charts share: transparent, so that the page's own colours show. */
export function baseLayout(title: string, height: number): Record<string, unknown> {
  return {
    title: { text: title, x: 0, xanchor: 'left', font: { size: 13 } },
    height,
    margin: { l: 8, r: 24, t: 36, b: 32 },
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    showlegend: false,
    font: { size: 11 },
  };
}

export const plotlyConfig = { displaylogo: false, responsive: true };
