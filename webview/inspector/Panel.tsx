import type { ComponentChildren } from 'preact';
import type { Closeness, RangeSummary } from '../../src/protocol';
import { t } from '../l10n';
import { sortChannels } from '../logic/channels';
import { precisionName } from '../logic/columns';
import { count, db, fixed, formula, percent, shape, significant } from '../logic/format';
import { worstOutput } from '../logic/measures';
import { gainOf } from '../logic/proposals';
import { codesOf } from '../logic/quantized';
import type { LayerRow } from '../logic/rows';
import { step, type Measure } from '../logic/scale';
import { ModelFacts } from './ModelFacts';
import { Canvas } from './parts/Canvas';
import { channelBars, codedHistogram } from './parts/draw';
import { Icon, LayerLink } from './parts/marks';
import { act, keep, locked, rows, select, selectedRow, show, state } from './store';

/** The selected layer's whole story, the same in every view; the model's, while none is selected. */
export function Panel() {
  const row = selectedRow.value;
  return (
    <aside data-testid="panel" aria-label={t('panel.label')}>
      {row ? <Layer row={row} /> : <ModelFacts />}
    </aside>
  );
}

function Layer({ row }: { row: LayerRow }) {
  return (
    <>
      <div class="title">
        <h2 data-testid="panel-name">{row.name}</h2>
        <button
          type="button"
          class="icon"
          aria-label={t('panel.close')}
          title={t('panel.closeTip')}
          onClick={() => select(null)}
        >
          <Icon name="close" />
        </button>
      </div>
      <p class="dim small">
        {[
          row.kind,
          row.shape && shape(row.shape).replaceAll('×', ' × '),
          row.macs !== null && t('panel.macs', { macs: count(row.macs) }),
          row.parameters !== null && t('panel.parameters', { parameters: count(row.parameters) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <Precision row={row} />
      <Cost row={row} />
      <Actions row={row} />
      <IfKept row={row} />
      <ClosenessTable row={row} />
      <Weights row={row} />
      <Ranges row={row} />
      <Where row={row} />
    </>
  );
}

function Precision({ row }: { row: LayerRow }) {
  const { result } = row;
  if (!result) return null;
  if (row.differs)
    return (
      <p class="notice bad" data-testid="panel-mismatch" role="alert">
        <Icon name="warning" />{' '}
        {t('panel.differs', {
          written: precisionName(row.written),
          executed: precisionName(row.executed),
          kernel: result.kernel ?? '?',
        })}
      </p>
    );
  return (
    <p class="small" data-testid="panel-executed">
      <span class="dim">{t('panel.written')}</span> {precisionName(row.written)}
      <span class="dim"> · {t('panel.executed')}</span>{' '}
      <b class={row.executed === 'int8' ? 'better' : ''}>
        {row.executed === null ? t('notMeasured') : precisionName(row.executed)}
      </b>
      {result.kernel && <span class="dim"> · {result.kernel}</span>}
    </p>
  );
}

function Cost({ row }: { row: LayerRow }) {
  const why = row.weightSpan !== null && row.weightSpan >= 8 ? row.summary?.weight : null;
  const low = why ? Math.min(...why.channelMax.filter((value) => value > 0)) : 0;
  const high = why ? Math.max(...why.channelMax) : 0;
  return (
    <>
      {(row.costs !== null || row.share !== null) && (
        <p data-testid="panel-cost">
          {row.costs !== null && <b>{t('panel.costs', { db: fixed(row.costs, 1) })} </b>}
          {row.share !== null && t('panel.share', { percent: percent(row.share) })}{' '}
          {why && t('panel.span', { low: significant(low, 2), high: significant(high, 2) })}
        </p>
      )}
      {row.result?.reason && (
        <p class="reason" data-testid="panel-reason">
          <span class="dim">{t('panel.whyNot')}</span> {row.result.reason}
        </p>
      )}
    </>
  );
}

function Actions({ row }: { row: LayerRow }) {
  const line = state.value?.recipe.lines[row.name];
  return (
    <p class="actions">
      <vscode-button
        data-testid="panel-keep"
        appearance={row.result?.hurts || row.kept ? 'primary' : 'secondary'}
        disabled={locked.value}
        onClick={() => keep([row.name], !row.kept)}
      >
        {t(row.kept ? 'panel.quantize' : 'panel.keep')}
      </vscode-button>
      <vscode-button
        appearance="secondary"
        data-testid="panel-recipe"
        onClick={() => act('openRecipe', row.name)}
      >
        {line === undefined ? t('panel.recipe') : t('panel.recipeLine', { line })}
      </vscode-button>
      {row.pending && (
        <span class="small dim" data-testid="panel-pending">
          {t('panel.pending')}
        </span>
      )}
    </p>
  );
}

/** Old → new at the output, measured where a run did, else estimated from the share of the noise. */
function IfKept({ row }: { row: LayerRow }) {
  const output = worstOutput(state.value?.result ?? null);
  if (!output || row.kept || row.result?.wish === 'keep') return null;
  const measured = row.costs !== null;
  const gain = row.costs ?? (row.share === null ? null : gainOf(row.share));
  if (gain === null || Math.abs(gain) < 0.05) return null;
  return (
    <div class="facts" data-testid="panel-ifkept">
      <span class="dim">{t(measured ? 'panel.ifKept' : 'panel.ifKeptAbout')}</span>
      <span class="n">
        {db(output.db)} → <b>{db(output.db + gain)} dB</b>
      </span>
      <span class={`n ${gain > 0 ? 'better' : 'worse'}`}>
        {gain > 0 ? '+' : ''}
        {fixed(gain, 1)}
      </span>
    </div>
  );
}

function ClosenessTable({ row }: { row: LayerRow }) {
  const { result } = row;
  if (!result || (!result.local && !result.accumulated && row.onlyThis === null)) return null;
  const line = (label: string, measure: Measure, close: Closeness | null) =>
    close && (
      <tr>
        <th scope="row">{label}</th>
        <td class="n heat" data-step={step(measure, close.sqnrDb) ?? undefined}>
          {db(close.sqnrDb)}
        </td>
        <td class="n">{fixed(close.cosine, 4)}</td>
        <td class="n">{significant(close.maxAbs)}</td>
      </tr>
    );
  return (
    <Section title={t('panel.closeness')}>
      <table class="mini">
        <thead>
          <tr>
            <th />
            <th class="n">dB</th>
            <th class="n">{t('col.cosine')}</th>
            <th class="n">{t('col.maxAbs')}</th>
          </tr>
        </thead>
        <tbody>
          {line(t('panel.local'), 'local', result.local)}
          {line(t('panel.accumulated'), 'accumulated', result.accumulated)}
          {row.onlyThis !== null && (
            <tr>
              <th scope="row">{t('panel.onlyThis')}</th>
              <td class="n heat" data-step={step('onlyThis', row.onlyThis) ?? undefined}>
                {db(row.onlyThis)}
              </td>
              <td />
              <td />
            </tr>
          )}
        </tbody>
      </table>
    </Section>
  );
}

function Weights({ row }: { row: LayerRow }) {
  const weight = row.summary?.weight;
  if (!weight || weight.channelMax.length < 2) return null;
  const channels = sortChannels(
    weight.channelMax.map(() => 0),
    weight.channelMax,
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

function Ranges({ row }: { row: LayerRow }) {
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

function Where({ row }: { row: LayerRow }) {
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

function Section({ title, to, children }: SectionProps) {
  return (
    <section>
      <h3>
        {title}
        {to && (
          <button type="button" class="icon" aria-label={t('panel.more', { title })} onClick={to}>
            <Icon name="go-to-file" />
          </button>
        )}
      </h3>
      {children}
    </section>
  );
}
