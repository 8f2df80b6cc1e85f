import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { InspectorAction, RunResult } from '../../src/protocol';
import { t } from '../l10n';
import type { TextKey } from '../l10n/phrase';
import { byteUnit, db, fixed, percent, significant, timesDigits } from '../logic/format';
import { accuracyGap, isRandom, metricValue, worstOutput } from '../logic/measures';
import { Icon } from './parts/marks';
import { act, busy, locked, show, state } from './store';

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
          onClick={() => act('openRecipe')}
        >
          {target} <Icon name="chevron-down" />
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
        {result ? <Chips result={result} /> : <NoChip />}
      </div>
    </header>
  );
}

function NoChip() {
  return (
    <button
      type="button"
      class="chip"
      data-testid="chip-none"
      disabled={locked.value}
      onClick={() => act('quantize')}
    >
      <small>{t('chip.none')}</small> <span class="linkish">{t('chip.doQuantize')}</span>
    </button>
  );
}

interface ChipProps {
  id: string;
  /** Null: not measured. */
  children: ComponentChildren;
  detail?: string;
  tip: string;
  onClick: () => void;
  /** What measures it. */
  missing?: { name: string; verb: string };
}

function Chip({ id, children, detail, tip, onClick, missing }: ChipProps) {
  if (children === null)
    return (
      <button
        type="button"
        class="chip"
        data-testid={`chip-${id}`}
        title={tip}
        disabled={locked.value}
        onClick={onClick}
      >
        <small>{t('chip.notMeasured', { what: missing?.name ?? '' })}</small>{' '}
        <span class="linkish">{missing?.verb}</span>
      </button>
    );
  return (
    <button type="button" class="chip" data-testid={`chip-${id}`} title={tip} onClick={onClick}>
      <b>{children}</b> <small>{detail}</small>
    </button>
  );
}

function Chips({ result }: { result: RunResult }) {
  const { latency, accuracy, agreement, size } = result;
  const worst = worstOutput(result);
  const gap = accuracy && accuracyGap(accuracy);
  const digits = timesDigits(latency?.speedup ?? 1);
  const measure = (what: TextKey) => ({ name: t(what), verb: t('chip.doCompare') });
  const unit = byteUnit(size?.fp32 ?? 1);
  return (
    <>
      <Chip
        id="speed"
        tip={t('chip.speedTip')}
        missing={measure('chip.speed')}
        onClick={() => (latency ? show('overview') : act('compare'))}
        detail={
          latency
            ? t('chip.speedDetail', {
                low: fixed(latency.low, digits),
                high: fixed(latency.high, digits),
                threads: latency.threads,
              })
            : ''
        }
      >
        {latency && (
          <>
            {fixed(latency.speedup, digits)} ×
            {latency.verdict !== 'faster' && <span class="worse"> {t('chip.notFaster')}</span>}
          </>
        )}
      </Chip>
      {accuracy && !gap && (
        <Chip
          id="accuracy"
          tip={t('chip.accuracyTip')}
          onClick={() => show('overview')}
          detail={`${accuracy.metric}, n = ${accuracy.n}`}
        >
          {metricValue(accuracy.metric, accuracy.int8)}
        </Chip>
      )}
      {!accuracy && agreement ? (
        <Chip
          id="accuracy"
          tip={t('chip.agreementTip')}
          onClick={() => show('overview')}
          detail={t('chip.agreementDetail', { n: agreement.n })}
        >
          {percent(agreement.value)} %
        </Chip>
      ) : (
        (!accuracy || gap) && (
          <Chip
            id="accuracy"
            tip={t('chip.accuracyTip')}
            missing={measure('chip.accuracy')}
            onClick={() => (gap ? show('overview') : act('compare'))}
            detail={gap && accuracy ? `${gap.low} … ${gap.high}, n = ${accuracy.n}` : ''}
          >
            {gap && (
              <span class={gap.tone}>
                {gap.text} {gap.unit}
              </span>
            )}
          </Chip>
        )
      )}
      <Chip
        id="sqnr"
        tip={worst ? t('chip.sqnrTip', { output: worst.name }) : t('chip.sqnr')}
        missing={measure('chip.sqnr')}
        onClick={() => (worst ? show('errors') : act('compare'))}
        detail={
          worst ? (worst.of > 1 ? t('chip.sqnrWorst', { n: worst.of }) : t('chip.sqnrDetail')) : ''
        }
      >
        {worst && `${db(worst.db)} dB`}
      </Chip>
      <Chip
        id="size"
        tip={t('chip.sizeTip')}
        missing={{ name: t('chip.size'), verb: t('chip.doQuantize') }}
        onClick={() => (size ? show('overview') : act('quantize'))}
        detail={
          size
            ? t('chip.sizeDetail', {
                int8: significant(size.int8 / unit[0]),
                fp32: significant(size.fp32 / unit[0]),
                unit: unit[1],
              })
            : ''
        }
      >
        {size && `${percent(size.int8 / size.fp32)} %`}
      </Chip>
      <Chip
        id="macs"
        tip={t('chip.macsTip')}
        missing={{ name: t('chip.macs'), verb: t('chip.doQuantize') }}
        onClick={() => (result.int8MacShare === null ? act('quantize') : show('layers'))}
        detail={t('chip.macsDetail')}
      >
        {result.int8MacShare === null ? null : `${percent(result.int8MacShare)} %`}
      </Chip>
    </>
  );
}

const MENU: readonly { action: InspectorAction; label: TextKey; runs: boolean }[] = [
  { action: 'calibrate', label: 'menu.calibrate', runs: true },
  { action: 'compare', label: 'menu.compare', runs: true },
  { action: 'openRecipe', label: 'menu.openRecipe', runs: false },
  { action: 'exportReport', label: 'menu.exportReport', runs: false },
];

function More() {
  const open = useSignal(false);
  const ref = useRef<HTMLDivElement>(null);
  const opened = open.value;
  useEffect(() => {
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
          {MENU.map(({ action, label, runs }) => (
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
