import type { RunResult } from '../../../src/protocol';
import { t } from '../../l10n';
import type { TextKey } from '../../l10n/phrase';
import { db, percent, significant, whole } from '../../logic/format';
import { step } from '../../logic/scale';
import { Block } from '../parts/blocks';

/** The model as other hardware runs it, simulated here on samples. */
interface Elsewhere {
  id: 'rounded' | 'withoutVnni';
  samples: number;
  sameLabel: number | null;
  outputs: { name: string; sqnrDb: number; maxAbs: number; notFinite?: number }[];
}

/** What the model gives where every value is rounded to float16, and on x86 without VNNI: simulated, so that it is known before. */
export function OverviewElsewhere({ result }: { result: RunResult }) {
  const found: Elsewhere[] = [];
  if (result.rounded?.outputs.length) found.push({ id: 'rounded', ...result.rounded });
  if (result.withoutVnni?.outputs.length) found.push({ id: 'withoutVnni', ...result.withoutVnni });
  if (found.length === 0) return null;
  return (
    <Block title={t('elsewhere.title')} testid="elsewhere">
      {found.map((one) => (
        <Simulated key={one.id} one={one} />
      ))}
    </Block>
  );
}

function Simulated({ one: { id, samples, sameLabel, outputs } }: { one: Elsewhere }) {
  const broken = outputs.some(({ notFinite = 0 }) => notFinite > 0);
  return (
    <div data-testid={`elsewhere-${id}`}>
      <p>
        <b>{t(`elsewhere.${id}` as TextKey)}</b>{' '}
        <span class="dim">{t(`elsewhere.${id}Tip` as TextKey)}</span>
      </p>
      <table class="mini wide">
        <thead>
          <tr>
            <th>{t('outputs.name')}</th>
            <th class="n">SQNR, dB</th>
            <th class="n">{t('col.maxAbs')}</th>
            {broken && <th class="n">{t('calibration.notFinite')}</th>}
          </tr>
        </thead>
        <tbody>
          {outputs.map(({ name, sqnrDb, maxAbs, notFinite = 0 }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="n heat" data-step={step('accumulated', sqnrDb) ?? undefined}>
                {db(sqnrDb)}
              </td>
              <td class="n">{significant(maxAbs)}</td>
              {broken && <td class={notFinite > 0 ? 'n loud' : 'n'}>{whole(notFinite)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="dim small">
        {t('ranges.samples', { n: samples })}
        {sameLabel !== null && ` · ${t('elsewhere.sameLabel', { percent: percent(sameLabel) })}`}
      </p>
    </div>
  );
}
