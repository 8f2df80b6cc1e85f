import { useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../l10n';
import { Failure } from './Failure';
import { Footer } from './Footer';
import { Header } from './Header';
import { Panel } from './Panel';
import { load, requestError, said, state, view, viewWidth } from './store';
import { Tabs } from './Tabs';
import { ErrorsView } from './views/Errors';
import { FusionsView } from './views/Fusions';
import { LayersView } from './views/Layers';
import { OverviewView } from './views/Overview';
import { RangesView } from './views/Ranges';

const PAGES = {
  overview: OverviewView,
  layers: LayersView,
  ranges: RangesView,
  errors: ErrorsView,
  fusions: FusionsView,
};

/** One window: verdict strip, views, layer panel, and the bar of what runs. */
export function App() {
  const now = state.value;
  const section = useRef<HTMLElement>(null);
  const shown = now !== null;
  useLayoutEffect(() => {
    if (!section.current) return;
    const measure = new ResizeObserver(([entry]) => {
      if (entry) viewWidth.value = entry.contentRect.width;
    });
    measure.observe(section.current);
    return () => measure.disconnect();
  }, [shown]);
  if (!now) return <Waiting />;
  const Page = PAGES[view.value];
  return (
    <div class="app" data-testid="inspector" data-busy={now.job !== null}>
      <Header />
      <Tabs />
      <main>
        <section
          ref={section}
          id="view"
          class="view"
          role="tabpanel"
          aria-labelledby={`tab-${view.value}`}
          data-testid={`view-${view.value}`}
        >
          <Failure />
          {now.summary || now.result ? <Page /> : now.failure ? null : <Reading />}
        </section>
        <Panel />
      </main>
      <Footer />
      <div class="sr" aria-live="polite">
        {said.value}
      </div>
    </div>
  );
}

/** Before the host has answered, or when it could not. */
function Waiting() {
  if (!requestError.value) return <Reading />;
  return (
    <div class="app">
      <Failure />
      <div class="empty">
        <vscode-button data-testid="retry" onClick={() => void load()}>
          {t('failure.again')}
        </vscode-button>
      </div>
    </div>
  );
}

function Reading() {
  return (
    <div class="empty" data-testid="reading">
      <vscode-progress-ring />
      <p>{t('reading')}</p>
    </div>
  );
}
