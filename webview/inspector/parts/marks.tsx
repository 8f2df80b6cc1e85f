import type { ComponentChildren } from 'preact';
import { t } from '../../l10n';
import type { LayerRow } from '../../logic/rows';
import { MEASURES, STEPS, type Measure } from '../../logic/scale';
import { fixed, plain } from '../../logic/format';
import { precisionName } from '../../logic/columns';
import { keep, locked, select } from '../store';

/** A codicon. */
export function Icon({ name }: { name: string }) {
  return <span class={`codicon codicon-${name}`} aria-hidden="true" />;
}

/** The letter of a layer's precision: what is executed, else what is written, else what is wished. */
export function letter(row: LayerRow): string {
  switch (row.executed ?? row.written) {
    case 'int4':
      return '4';
    case 'int8':
      return '8';
    case 'int16':
      return '16';
    case 'float32':
      return 'F';
    case 'float16':
      return 'H';
    case 'bfloat16':
      return 'B';
    case 'mixed':
      return '±';
    case null:
      return row.kept ? 'F' : '–';
  }
}

/** The precision of a layer as a letter, and the switch between quantized and FP32; FP32 by choice is hatched. */
export function PrecisionSwitch({ row }: { row: LayerRow }) {
  const states = [row.kept && 'kept', row.pending && 'pending', row.differs && 'differs'];
  const label = t(row.kept ? 'switch.kept' : 'switch.quantized', { layer: row.name });
  return (
    <button
      type="button"
      role="switch"
      tabIndex={-1}
      class={`badge ${states.filter(Boolean).join(' ')}`}
      data-testid="switch"
      data-layer={row.name}
      aria-checked={row.kept}
      aria-label={label}
      title={[
        t('switch.title', { precision: precisionName(row.executed ?? row.written) }),
        row.pending ? t('switch.pending') : '',
        t(row.kept ? 'switch.toQuantize' : 'switch.toKeep'),
      ]
        .filter(Boolean)
        .join('\n')}
      disabled={locked.value}
      onClick={(event) => {
        event.stopPropagation();
        keep([row.name], !row.kept);
      }}
    >
      {letter(row)}
    </button>
  );
}

function edges(measure: Measure): string {
  const text = (value: number) =>
    MEASURES[measure].edges[0] < 1 ? plain(value * 100) : fixed(value, 0);
  return [...MEASURES[measure].edges].reverse().map(text).join(' · ');
}

/** What the colours mean, in numbers; always in sight beside a heat map. */
export function Legend({ measures }: { measures: readonly Measure[] }) {
  return (
    <div
      class="legend"
      data-testid="legend"
      role="img"
      aria-label={t('legend.label', { edges: edges('accumulated') })}
    >
      <span>{t('legend.worse')}</span>
      <span class="swatches">
        {[...STEPS].reverse().map((step) => (
          <i key={step} style={{ background: `var(--heat-${step})` }} />
        ))}
      </span>
      <span>{t('legend.better')}</span>
      <small>
        dB {edges('accumulated')}
        {measures.includes('clip') && `   ${t('col.clip')} ${edges('clip')}`}
        {measures.includes('used') && `   ${t('col.used')} ${edges('used')}`}
      </small>
    </div>
  );
}

interface EmptyProps {
  icon: string;
  title: string;
  children?: ComponentChildren;
}

/** Says what will be here, and offers the one action that fills it. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty" data-testid="empty">
      <Icon name={icon} />
      <p>{title}</p>
      {children}
    </div>
  );
}

/** A layer's name: where there is no room its scope goes first, not what tells it from its neighbours. */
export function Name({ name }: { name: string }) {
  return (
    <span class="name" title={name}>
      <bdi>{name}</bdi>
    </span>
  );
}

/** A layer's name that selects it. */
export function LayerLink({ name }: { name: string }) {
  return (
    <button type="button" class="link" onClick={() => select(name)}>
      {name}
    </button>
  );
}
