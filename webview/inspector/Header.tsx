import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { InspectorAction } from '../../src/protocol';
import { t } from '../l10n';
import type { TextKey } from '../l10n/phrase';
import { isRandom } from '../logic/measures';
import { Chips, NoChip } from './Chips';
import { Icon } from './parts/marks';
import { act, busy, locked, state } from './store';

/** The verdict strip: what is open, what can be done, and what was measured. */
export function Header() {
  const now = state.value;
  if (!now) return null;
  const { result, recipe, trusted, job } = now;
  const target = result?.targetWasAuto
    ? `${result.target} (auto)`
    : (result?.target ?? recipe.target);
  return (
    <header>
      <div class="lead">
        <b class="file" title={recipe.exists ? recipe.path : now.fileName}>
          {now.fileName}
        </b>
        <button
          type="button"
          class="target"
          data-testid="target"
          title={t('header.targetTip')}
          disabled={locked.value}
          onClick={() => act('chooseTarget')}
        >
          {target} <Icon name="chevron-down" />
        </button>
        <button
          type="button"
          class="target"
          data-testid="mode"
          title={t('header.modeTip')}
          disabled={locked.value}
          onClick={() => act('chooseMode')}
        >
          {recipe.exists ? recipe.mode : (result?.mode ?? recipe.mode)} <Icon name="chevron-down" />
        </button>
        <vscode-button
          data-testid="action-quantize"
          disabled={locked.value}
          title={trusted ? undefined : t('header.untrusted')}
          onClick={() => act('quantize')}
        >
          {t('header.quantize')}
        </vscode-button>
        <More />
        {isRandom(result, recipe) && (
          <span class="mark bad" data-testid="badge-random" title={t('header.randomTip')}>
            {t('header.random')}
          </span>
        )}
        {result && recipe.dirtySinceResult && !job && (
          <span class="mark" data-testid="badge-stale" title={t('header.staleTip')}>
            <Icon name="history" /> {t('header.stale')}
          </span>
        )}
        {result && !result.complete && (
          <span class="mark" data-testid="badge-partial">
            {t('header.partial')}
          </span>
        )}
        {!trusted && (
          <span class="mark" data-testid="badge-untrusted" title={t('header.untrusted')}>
            <Icon name="shield" /> {t('header.untrustedShort')}
          </span>
        )}
      </div>
      <div class="chips" role="group" aria-label={t('header.verdict')}>
        {result ? <Chips result={result} /> : now.summary && <NoChip />}
      </div>
    </header>
  );
}

interface MenuItem {
  action: InspectorAction;
  label: TextKey;
  runs: boolean;
}

const MENU: readonly MenuItem[] = [
  { action: 'calibrate', label: 'menu.calibrate', runs: true },
  { action: 'compare', label: 'menu.compare', runs: true },
  { action: 'chooseMode', label: 'menu.chooseMode', runs: true },
  { action: 'measureModes', label: 'menu.measureModes', runs: true },
  { action: 'planMixed', label: 'menu.planMixed', runs: true },
  { action: 'measureSensitivity', label: 'menu.measureSensitivity', runs: true },
  { action: 'findBest', label: 'menu.findBest', runs: true },
  { action: 'chooseTarget', label: 'menu.chooseTarget', runs: true },
  { action: 'openRecipe', label: 'menu.openRecipe', runs: false },
  { action: 'exportReport', label: 'menu.exportReport', runs: false },
];
/** Only where the model was quantized before. */
const DEQUANTIZE: MenuItem = { action: 'dequantize', label: 'menu.dequantize', runs: true };

function More() {
  const open = useSignal(false);
  const ref = useRef<HTMLDivElement>(null);
  const opened = open.value;
  const items = state.value?.summary?.quantized ? [...MENU, DEQUANTIZE] : MENU;
  useLayoutEffect(() => {
    if (!opened) return;
    ref.current?.querySelector<HTMLElement>('[role=menuitem]:not([disabled])')?.focus();
    const close = (event: Event) => {
      if (!ref.current?.contains(event.target as Node)) open.value = false;
    };
    window.addEventListener('pointerdown', close);
    window.addEventListener('blur', close);
    return () => {
      window.removeEventListener('pointerdown', close);
      window.removeEventListener('blur', close);
    };
  }, [opened]);
  const move = (event: KeyboardEvent) => {
    const items = [
      ...(ref.current?.querySelectorAll<HTMLElement>('[role=menuitem]:not([disabled])') ?? []),
    ];
    const at = items.findIndex((item) => item === document.activeElement);
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0) items[(at + by + items.length) % items.length]?.focus();
    else if (event.key === 'Escape') {
      open.value = false;
      ref.current?.querySelector<HTMLElement>('vscode-button')?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="more" ref={ref} onKeyDown={opened ? move : undefined}>
      <vscode-button
        appearance="secondary"
        data-testid="action-more"
        aria-label={t('header.more')}
        aria-haspopup="menu"
        aria-expanded={opened}
        onClick={() => (open.value = !opened)}
      >
        <span class="codicon codicon-ellipsis" />
      </vscode-button>
      {opened && (
        <div class="menu" role="menu">
          {items.map(({ action, label, runs }) => (
            <button
              key={action}
              type="button"
              role="menuitem"
              data-testid={`menu-${action}`}
              disabled={runs ? locked.value : busy.value && action === 'exportReport'}
              onClick={() => {
                open.value = false;
                act(action);
              }}
            >
              {t(label)}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
