import type { FoundWhen, FusionMeasurement, FusionTimes } from '../../../src/protocol';
import { t } from '../../l10n';
import { fileName, significant, sourceName, threads } from '../../logic/format';
import { age } from '../Failure';
import { Changed } from '../parts/Changed';
import { SpeedCell } from '../parts/trials';

interface Props {
  gains: FusionMeasurement;
  when: FoundWhen | null;
}

/** What fusing gains: the model without one of the runtime's optimizers after the other, timed. */
export function FusionGains({ gains: found, when }: Props) {
  const { whole, gains, idle, model, data, random, machine } = found;
  const source = random ? t('choice.random') : sourceName(data);
  const fewest = Math.min(whole.pairs, ...gains.map(({ pairs }) => pairs));
  return (
    <section class="gains" aria-label={t('fusions.gains')} data-testid="fusion-gains">
      <table class="mini wide">
        <thead>
          <tr>
            <th>{t('fusions.without')}</th>
            <th>{t('fusions.apart')}</th>
            <th class="n">{t('fusions.nodes')}</th>
            <th class="n">{t('fusions.msWithout')}</th>
            <th class="n">{t('fusions.msWith')}</th>
            <th class="n">{t('fusions.gain')}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          <Row name={t('fusions.allOptimization')} what={t('fusions.everything')} times={whole} />
          {gains.map((gain) => (
            <Row
              key={gain.optimizer}
              name={gain.optimizer}
              what={gain.patterns.map((p) => `${p.fusions} ${p.pattern}`).join(', ')}
              times={gain}
            />
          ))}
        </tbody>
      </table>
      <p class="dim small">
        {t('fusions.gainsOn', { model: fileName(model), pairs: fewest, source })} ·{' '}
        {t('from.runtimeIs', { runtime: machine, threads: threads(found.threads) })}
        {when && ` · ${age(when.finishedAt)}`} · {t('fusions.gainsSum')}
        {idle.length > 0 && ` ${t('fusions.idle', { names: idle.join(', ') })}`}
      </p>
      {when && <Changed model={when.modelChanged} recipe={false} />}
    </section>
  );
}

function Row({ name, what, times }: { name: string; what: string; times: FusionTimes }) {
  const { low, high, nodes } = times;
  return (
    <tr data-testid="fusion-gain" data-optimizer={name}>
      <th scope="row">{name}</th>
      <td>{what}</td>
      <td class="n">
        {nodes.without} → {nodes.with}
      </td>
      <td class="n">{significant(times.withoutMs)}</td>
      <td class="n">{significant(times.withMs)}</td>
      <SpeedCell latency={{ speedup: times.times, low, high }} />
      <td class="small">{low > 1 ? '' : t(high < 1 ? 'fusions.slower' : 'fusions.unproven')}</td>
    </tr>
  );
}
