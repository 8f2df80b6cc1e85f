import type { RunResult } from '../../../src/protocol';
import { t } from '../../l10n';
import { doubtfulRanges } from '../../logic/calibration';
import { NONE, percent, significant } from '../../logic/format';
import { Block } from '../parts/blocks';

/** Whether the calibration set was enough, and what it was like; which ranges it leaves in doubt. */
export function OverviewCalibration({ result }: { result: RunResult }) {
  const { calibrationReport: report } = result;
  const rows = doubtfulRanges(result);
  if (!report) return null;
  const { convergence, heldBack, likeness } = report;
  const facts = [
    convergence?.enough != null &&
      convergence.enough < convergence.samples &&
      t(convergence.growing.length > 0 ? 'calibration.enoughOther' : 'calibration.enough', {
        n: convergence.enough,
      }),
    heldBack && rows.length > 0 && t('calibration.heldBack', { n: heldBack.samples }),
    likeness &&
      t(likeness.unlike || likeness.suspicion ? 'calibration.unlike' : 'calibration.like', {
        layer: likeness.node,
        divergence: significant(likeness.divergence, 2),
      }),
  ].filter((text): text is string => typeof text === 'string');
  if (facts.length === 0 && rows.length === 0) return null;
  return (
    <Block title={t('calibration.title')} testid="calibration">
      {facts.map((text) => (
        <p key={text} class="small">
          {text}
        </p>
      ))}
      {rows.length > 0 && (
        <table class="mini wide">
          <thead>
            <tr>
              <th>{t('calibration.tensor')}</th>
              <th class="n" title={t('calibration.growthMore')}>
                {t('calibration.growth')}, %
              </th>
              <th class="n" title={t('calibration.outsideMore')}>
                {t('calibration.outside')}, %
              </th>
              <th class="n">{t('calibration.notFinite')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.tensor} data-testid="doubtful">
                <th scope="row" class="mono" title={r.tensor}>
                  {r.producer ?? r.tensor}
                </th>
                <td class="n">{r.growth === null ? NONE : `−${percent(r.growth)}`}</td>
                <td class="n">{r.outOfRange === null ? NONE : percent(r.outOfRange)}</td>
                <td class="n" title={r.notFiniteIn?.join(', ')}>
                  {r.notFinite > 0 ? r.notFinite : NONE}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Block>
  );
}
