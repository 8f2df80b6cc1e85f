import type { Closeness } from '../../src/protocol';
import { t } from '../l10n';
import { precisionName } from '../logic/columns';
import { count, db, fixed, plain, shape, significant } from '../logic/format';
import { worstOutput } from '../logic/measures';
import { gainOf } from '../logic/proposals';
import type { LayerRow } from '../logic/rows';
import { step, type Measure } from '../logic/scale';
import { ModelFacts } from './ModelFacts';
import { Ranges, Section, Weights, Where } from './PanelParts';
import { Icon } from './parts/marks';
import { act, keep, locked, select, selectedRow, state } from './store';

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
      <b class={row.executed !== null && row.executed !== 'float32' ? 'better' : ''}>
        {row.executed === null ? t('notMeasured') : precisionName(row.executed)}
      </b>
      {result.kernel && <span class="dim"> · {result.kernel}</span>}
    </p>
  );
}

function Cost({ row }: { row: LayerRow }) {
  const why = row.weightSpan !== null && row.weightSpan >= 8 ? row.summary?.weight : null;
  const low = Math.min(...(why?.channelMax?.filter((value) => value > 0) ?? [0]));
  const high = Math.max(...(why?.channelMax ?? [0]));
  return (
    <>
      {(row.costs !== null || (row.share !== null && row.share > 0)) && (
        <p data-testid="panel-cost">
          {row.costs !== null && <b>{t('panel.costs', { db: fixed(row.costs, 1) })} </b>}
          {row.share !== null &&
            row.share > 0 &&
            t(row.shareBy === 'exact' ? 'panel.share' : 'panel.shareAbout', {
              percent: plain(row.share * 100),
              stage: t(`stageName.${row.shareBy ?? 'exact'}`),
            })}{' '}
          {row.result?.ownResult && t('panel.ownResult')}{' '}
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
          {line(t(result.wish === 'keep' ? 'panel.localIf' : 'panel.local'), 'local', result.local)}
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
