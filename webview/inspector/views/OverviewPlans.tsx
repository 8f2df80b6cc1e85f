import type { FoundWhen, LimitResult, MixedPlan, MixedPrecision } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, db, fixed, percent, plain, significant } from '../../logic/format';
import { named, planRows, wideInFloat, type PlanRow } from '../../logic/plans';
import { age } from '../Failure';
import { Block } from '../parts/blocks';
import { Changed } from '../parts/Changed';
import { Icon } from '../parts/marks';
import { samplesText } from '../parts/samples';
import { locked, select, selected, state, takePlan } from '../store';

/** Plans of mixed precision that were tried: what each takes out of INT8, what that costs and buys, and a button that takes it. */
export function OverviewPlans({ mixed, when }: { mixed: MixedPrecision; when: FoundWhen | null }) {
  const { plans, recommended, measuredOn, missed } = mixed;
  const rows = planRows(mixed, state.value?.recipe.kept ?? []);
  const best = plans[recommended]!;
  const layers = layersText(best);
  return (
    <Block title={t('plans.title')} testid="plans">
      <p data-testid="plans-reason">
        {missed.length > 0
          ? t('plans.closest', { layers })
          : `${t(best.choices.length === 0 ? 'plans.keepNone' : 'plans.take', { layers })} ${mixed.reason}.`}
        {mixed.stopped && ` ${t('plans.stopped')}`}
      </p>
      {when && (
        <Changed recipe={state.value?.recipe.dirtySincePlans ?? false} model={when.modelChanged} />
      )}
      {missed.length > 0 && <Missed missed={missed} />}
      <table class="mini wide plans">
        <thead>
          <tr>
            <th>{t('plans.out')}</th>
            <th class="n">{t('plans.expected')}</th>
            <th class="n">SQNR, dB</th>
            <th class="n">{t('plans.same')}</th>
            <th class="n">{t('chip.size')}</th>
            <th class="n">p50, ms</th>
            <th class="n">{t('chip.speed')}, ×</th>
            <th />
          </tr>
        </thead>
        {rows.map((row, i) => (
          <Row key={i} row={row} />
        ))}
      </table>
      <p class="dim small">
        {samplesText(measuredOn)}
        {' · '}
        {t('plans.tried', { n: plans.length })} · {mixed.machine}
        {when && (
          <span data-testid="plans-age"> · {t('plans.found', { age: age(when.finishedAt) })}</span>
        )}
      </p>
    </Block>
  );
}

/** Two lines a plan: its numbers, and the layers that it is about. */
function Row({ row: { plan, recommended, inRecipe } }: { row: PlanRow }) {
  const { latency, measured, choices } = plan;
  const inFloat = wideInFloat(plan);
  return (
    <tbody
      class={recommended ? 'on' : ''}
      data-testid="plan"
      data-layers={choices.map(({ layer }) => layer).join(' ')}
      data-recommended={recommended}
    >
      <tr>
        <th scope="row">
          {recommended && (
            <>
              <Icon name="star-full" />
              <span class="sr">{t('plans.recommended')}</span>{' '}
            </>
          )}
          {choices.length === 0 ? t('plans.none') : t('plans.layers', { n: choices.length })}
        </th>
        <td class="n dim">{db(plan.predictedDb)}</td>
        <td class="n">{db(measured.sqnrDb)}</td>
        <td class="n">{measured.sameLabel === null ? '·' : `${percent(measured.sameLabel)} %`}</td>
        <td class="n">{bytes(plan.bytes)}</td>
        <td class="n">{latency ? significant(latency.int8P50) : '·'}</td>
        <td
          class="n"
          title={latency ? `${fixed(latency.low, 2)} … ${fixed(latency.high, 2)}` : undefined}
        >
          {latency ? fixed(latency.speedup, 2) : '·'}
        </td>
        <td class="n">
          {inRecipe ? (
            <small>
              <Icon name="check" /> {t('plans.inRecipe')}
            </small>
          ) : (
            <vscode-button
              appearance={recommended ? 'primary' : 'secondary'}
              data-testid="take-plan"
              disabled={locked.value}
              aria-label={t('plans.takeThis', { layers: layersText(plan) })}
              onClick={() => takePlan(choices)}
            >
              {t('plans.takeIt')}
            </vscode-button>
          )}
        </td>
      </tr>
      {choices.length > 0 && (
        <tr>
          <td class="planned" colSpan={8}>
            <Layers names={named(choices, 'float32')} what="FP32" />
            <Layers names={named(choices, 'int16')} what="INT16" />
            {inFloat.length > 0 && (
              <small class="dim">{t('plans.wideInFloat', { layers: inFloat.join(', ') })}</small>
            )}
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** Names of layers, each of which selects its layer. */
function Layers({ names, what }: { names: readonly string[]; what: string }) {
  if (names.length === 0) return null;
  return (
    <span>
      <small class="dim">{what}</small>{' '}
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class={`link ${name === selected.value ? 'on' : ''}`}
          onClick={() => select(name)}
        >
          {name}
        </button>
      ))}{' '}
    </span>
  );
}

function Missed({ missed }: { missed: readonly LimitResult[] }) {
  return (
    <ul class="missed">
      {missed.map(({ limit, got, wanted }) => (
        <li key={limit} class="limit" data-testid="plan-missed">
          <Icon name="error" />{' '}
          {t('plans.missed', {
            limit,
            got: got === null ? '·' : plain(got),
            wanted: plain(wanted),
          })}
        </li>
      ))}
    </ul>
  );
}

function layersText({ choices }: MixedPlan): string {
  return choices.length === 0
    ? t('plans.none')
    : choices
        .map(({ layer, precision }) => (precision === 'int16' ? `${layer} (INT16)` : layer))
        .join(', ');
}
