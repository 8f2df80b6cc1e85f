import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../l10n';
import { pagePlotly, PLOT_CONFIG, type Plotly } from '../../plotly';
import { themeVersion } from '../../theme';
import { Icon } from './marks';

/** Data and layout of a figure. */
export interface Figure {
  data: object[];
  layout: object;
}

interface Props {
  /** Made anew whenever the theme changes, so that it can ask for colours. */
  figure: () => Figure;
  /** What it shows, in words and numbers. */
  label: string;
  /** Changes with what is drawn: zoom is kept while it stays. */
  revision: string;
}

/** One plotly chart, drawn when the library has arrived; follows size and theme. */
export function Plot({ figure, label, revision }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const failed = useSignal<string | null>(null);
  const version = themeVersion.value;
  useEffect(() => {
    let current = true;
    pagePlotly().then(
      async (plotly) => {
        if (!current || !ref.current) return;
        const { data, layout } = figure();
        await plotly.react(ref.current, data, { ...layout, uirevision: revision }, PLOT_CONFIG);
        if (ref.current) ref.current.dataset.drawn = revision;
      },
      (error: unknown) => {
        failed.value = error instanceof Error ? error.message : String(error);
      },
    );
    return () => {
      current = false;
    };
  }, [revision, version]);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const plotly: Plotly | undefined = window.Plotly;
        if (element.dataset.drawn !== undefined && element.clientWidth > 0)
          plotly?.Plots.resize(element);
      });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      window.Plotly?.purge(element);
    };
  }, []);
  return (
    <>
      {failed.value !== null && (
        <p class="notice bad">
          <Icon name="error" /> {t('plot.failed', { reason: failed.value })}
        </p>
      )}
      <div ref={ref} class="plot" data-testid="plot" role="img" aria-label={label} />
    </>
  );
}
