import type { ComponentChildren } from 'preact';
import type { RangeSummary } from '../../src/protocol';
import { t } from '../l10n';
import { sortChannels } from '../logic/channels';
import { formula, percent, significant } from '../logic/format';
import { codesOf } from '../logic/quantized';
import type { LayerRow } from '../logic/rows';
import { Canvas } from './parts/Canvas';
import { channelBars, codedHistogram } from './parts/draw';
import { Icon, LayerLink } from './parts/marks';
import { rows, show, state } from './store';

/** The largest weight of every channel; outliers by name. */
export function Weights({ row }: { row: LayerRow }) {
  const weight = row.summary?.weight;
  if (weight?.channelMax === null)
    return (
      <Section title={t('panel.weights')} to={() => show('ranges')}>
        <p class="dim small">{t('panel.weightsUnread')}</p>
      </Section>
    );
  const largest = weight?.channelMax;
  if (!largest || largest.length < 2) return null;
  const channels = sortChannels(
    largest.map(() => 0),
    largest,
  );
  const outliers = channels.filter((channel) => channel.outlier).reverse();
  const named = outliers.slice(0, 3).map((c) => `${c.channel} (${significant(c.max, 2)})`);
  const caption = t('panel.channels', { n: channels.length });
  return (
    <Section title={t('panel.weights')} to={() => show('ranges')}>
      <Canvas
        class="bars"
        draw={channelBars(channels)}
        label={`${t('panel.weights')}: ${caption}`}
      />
      <p class="dim small">
        {caption}
        {row.weightSpan !== null &&
          ` · ${t('panel.spanTimes', { times: significant(row.weightSpan, 2) })}`}
        {named.length > 0 &&
          ` · ${t('panel.outliers', { names: named.join(', '), n: outliers.length })}`}
      </p>
    </Section>
  );
}

/** Ranges of what it leaves and reads, each as a formula. */
export function Ranges({ row }: { row: LayerRow }) {
  const inputs = (state.value?.result?.ranges ?? []).filter((range) =>
    row.summary?.inputs.includes(range.tensor),
  );
  const { range } = row;
  if (!range && inputs.length === 0) return null;
  return (
    <Section title={t('panel.range')} to={() => show('ranges')}>
      {range && range.sparkline.length > 0 && (
        <Canvas
          class="hist"
          draw={codedHistogram(range.sparkline, range, codesOf(range))}
          label={`${t('panel.range')}: ${significant(range.min)} … ${significant(range.max)}`}
        />
      )}
      {range && <RangeLine label={t('panel.output')} range={range} />}
      {inputs.map((input) => (
        <RangeLine key={input.tensor} label={t('panel.input')} range={input} />
      ))}
      {row.result && (row.clip !== null || row.used !== null) && (
        <p class="dim small">
          {[
            row.clip !== null && t('panel.clipped', { percent: percent(row.clip) }),
            row.used !== null && t('panel.used', { percent: percent(row.used) }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
      )}
      {row.result?.biasShift && (
        <p class="dim small">
          {t(row.result.biasShift.kept ? 'panel.shift' : 'panel.shiftStays', {
            before: significant(row.result.biasShift.before),
            after: significant(row.result.biasShift.after),
          })}
        </p>
      )}
      {range && range.notFinite > 0 && (
        <p class="notice bad">
          <Icon name="warning" /> {t('panel.notFinite', { n: range.notFinite })}
        </p>
      )}
    </Section>
  );
}

function RangeLine({ label, range }: { label: string; range: RangeSummary }) {
  return (
    <p class="rangeline" title={range.tensor}>
      <span class="dim">{label}</span>
      <span class="n">
        {significant(range.min)} … {significant(range.max)}
      </span>
      <span class="n mono" data-testid="formula">
        {range.scale === null ? t('panel.float') : formula(range.scale, range.zeroPoint ?? 0)}
      </span>
    </p>
  );
}

/** What feeds it, what it absorbed, where its source is. */
export function Where({ row }: { row: LayerRow }) {
  const before = row.summary?.predecessors.map((index) => rows.value[index]).filter(Boolean) ?? [];
  const absorbed = row.summary?.absorbed ?? [];
  const source = row.summary?.source;
  if (before.length === 0 && absorbed.length === 0 && !source) return null;
  return (
    <Section title={t('panel.where')}>
      {before.length > 0 && (
        <p>
          <span class="dim">{t('panel.after')}</span>{' '}
          {before.map((other) => other && <LayerLink key={other.name} name={other.name} />)}
        </p>
      )}
      {absorbed.length > 0 && (
        <p>
          <span class="dim">{t('panel.absorbed')}</span> {absorbed.join(', ')}
        </p>
      )}
      {source && (
        <p>
          <span class="dim">{t('panel.source')}</span> {source}
        </p>
      )}
    </Section>
  );
}

interface SectionProps {
  title: string;
  /** Where there is more of it. */
  to?: () => void;
  children: ComponentChildren;
}

/** A titled part of the panel. */
export function Section({ title, to, children }: SectionProps) {
  return (
    <section>
      <h3>
        {title}
        {to && (
          <button type="button" class="icon" aria-label={t('panel.more', { title })} onClick={to}>
            <Icon name="arrow-right" />
          </button>
        )}
      </h3>
      {children}
    </section>
  );
}
