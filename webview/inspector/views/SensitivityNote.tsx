import type { FoundWhen, SensitivityReport, StageReport } from '../../../src/protocol';
import { t } from '../../l10n';
import { db, plain, seconds } from '../../logic/format';
import { metricKey } from '../../logic/measures';
import { age } from '../Failure';
import { Changed } from '../parts/Changed';
import { Icon } from '../parts/marks';
import { samplesText } from '../parts/samples';
import { act, locked, state } from '../store';

/** What the sensitivity in the table was read from, how far it came, and a button that goes on where it was stopped. */
export function SensitivityNote({
  report,
  when,
}: {
  report: SensitivityReport;
  when: FoundWhen | null;
}) {
  const { stages, shareBy, stopped, whole, measuredOn } = report;
  // its estimates are of no layer or of all
  const halfWay = stages.some((s) => s.stage === 'two-pass' && s.ended === 'stopped');
  return (
    <section
      class="strip"
      aria-label={t('sensitivity.by', { measure: nameOf(report) })}
      data-testid="sensitivity-note"
      data-stopped={stopped}
    >
      <p class="small">
        {t('sensitivity.by', { measure: nameOf(report) })}:{' '}
        {stages
          .filter(({ of }) => of > 0)
          .map(stageText)
          .join(' · ')}
        {shareBy && ` · ${t('sensitivity.shares', { stage: t(`stageName.${shareBy}`) })}`}
        {whole && ` · ${t('sensitivity.whole', { db: db(whole.sqnrDb) })}`}
      </p>
      {stopped && (
        <p class="note warning" data-testid="sensitivity-stopped">
          <Icon name="debug-pause" />
          <span>
            {t('sensitivity.stopped')} {halfWay && t('sensitivity.halfWay')}{' '}
            <vscode-button
              appearance="secondary"
              data-testid="sensitivity-go-on"
              disabled={locked.value}
              onClick={() => act('measureSensitivity')}
            >
              {t('sensitivity.goOn')}
            </vscode-button>
          </span>
        </p>
      )}
      {when && (
        <Changed
          recipe={state.value?.recipe.dirtySinceSensitivity ?? false}
          model={when.modelChanged}
        />
      )}
      <p class="dim small">
        {samplesText(measuredOn)}
        {when && ` · ${age(when.finishedAt)}`}
      </p>
    </section>
  );
}

/** What layers were compared by; a metric of the user's own has a name once it was measured. */
function nameOf({ measure, metric, wholeMetric }: SensitivityReport): string {
  if (measure !== 'metric') return t(`measure.${measure}`);
  const own = wholeMetric?.own?.name ?? (metric?.endsWith('.mjs') ? metric : null);
  return own ?? (metric ? t(metricKey(metric)) : '');
}

function stageText({ stage, measured, of, seconds: took, ended }: StageReport): string {
  if (ended === 'not-begun') return t('sensitivity.notBegun', { stage: t(`stageName.${stage}`) });
  const text = t(stage === 'metric' ? 'sensitivity.evaluations' : 'sensitivity.layers', {
    stage: t(`stageName.${stage}`),
    measured,
    n: of,
    time: took < 10 ? `${plain(took)} s` : seconds(took),
  });
  return ended === 'stopped' ? t('sensitivity.cut', { stage: text }) : text;
}
