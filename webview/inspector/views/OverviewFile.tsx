import { t } from '../../l10n';
import { count, percent, significant, whole } from '../../logic/format';
import { operators } from '../../logic/operators';
import { Block } from '../parts/blocks';
import { Name } from '../parts/marks';
import { rows, select, selected, show, state } from '../store';

/** What the file alone tells before anything has run: its operators and its widest weights. */
export function OverviewFile() {
  const summary = state.value?.summary;
  if (!summary) return null;
  const ops = operators(rows.value);
  const macs = ops.reduce((sum, op) => sum + op.macs, 0);
  const blocked = summary.fusions.filter((fusion) => fusion.status === 'blocked').length;
  const will = summary.fusions.filter((fusion) => fusion.status === 'will').length;
  return (
    <>
      <Block title={t('overview.operators')} testid="operators">
        <table class="mini wide">
          <thead>
            <tr>
              <th>{t('overview.operator')}</th>
              <th class="n">{t('model.layers')}</th>
              <th class="n">{t('col.parameters')}</th>
              <th class="n">{t('col.macs')}</th>
              <th class="n">%</th>
            </tr>
          </thead>
          <tbody>
            {ops.slice(0, 12).map((op) => (
              <tr key={op.op}>
                <th scope="row">{op.op}</th>
                <td class="n">{whole(op.layers)}</td>
                <td class="n">{count(op.parameters)}</td>
                <td class="n">{op.macs > 0 ? count(op.macs) : '·'}</td>
                <td class="n">{op.macs > 0 ? percent(op.macs / macs) : '·'}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {will + blocked > 0 && (
          <p class="small">
            <button type="button" class="link" onClick={() => show('fusions')}>
              {t('overview.fusions', { will, blocked })}
            </button>
          </p>
        )}
      </Block>
      <Widest />
    </>
  );
}

function Widest() {
  const widest = rows.value
    .filter((row) => (row.weightSpan ?? 0) >= 8)
    .sort((a, b) => (b.weightSpan ?? 0) - (a.weightSpan ?? 0))
    .slice(0, 5);
  const most = Math.log(widest[0]?.weightSpan ?? 1);
  if (widest.length === 0) return null;
  return (
    <Block title={t('overview.widest')} testid="widest">
      {widest.map((row) => (
        <button
          key={row.name}
          type="button"
          class={`row wide ${row.name === selected.value ? 'on' : ''}`}
          data-layer={row.name}
          onClick={() => select(row.name)}
        >
          <Name name={row.name} />
          <span class="dim">{row.kind}</span>
          <span class="bar">
            <i style={{ width: `${(70 * Math.log(row.weightSpan ?? 1)) / most}%` }} />
            <small>{significant(row.weightSpan ?? 0, 2)} ×</small>
          </span>
        </button>
      ))}
      <p class="dim small">{t('overview.widestMore')}</p>
    </Block>
  );
}
