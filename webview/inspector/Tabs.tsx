import type { ViewName } from '../../src/protocol';
import { t } from '../l10n';
import { view, VIEWS } from './store';

/** The views, each of which answers one question. */
export function Tabs() {
  const move = (event: KeyboardEvent) => {
    const at = VIEWS.indexOf(view.value);
    const to: Record<string, number> = {
      ArrowRight: (at + 1) % VIEWS.length,
      ArrowLeft: (at - 1 + VIEWS.length) % VIEWS.length,
      Home: 0,
      End: VIEWS.length - 1,
    };
    const next = VIEWS[to[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    view.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={t('tabs.label')} onKeyDown={move}>
      {VIEWS.map((name) => (
        <Tab key={name} name={name} />
      ))}
    </div>
  );
}

function Tab({ name }: { name: ViewName }) {
  const on = view.value === name;
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      class={on ? 'on' : ''}
      data-testid={`tab-${name}`}
      aria-selected={on}
      aria-controls="view"
      tabIndex={on ? 0 : -1}
      title={t(`question.${name}`)}
      onClick={() => (view.value = name)}
    >
      {t(`view.${name}`)}
    </button>
  );
}
