import type { SearchResult, SearchTry } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, db, NONE, sentence } from '../../logic/format';
import { Block } from '../parts/blocks';
import { MeasuredOn, SpeedCell, TrialName } from '../parts/trials';

/** What a search found where the recipe says `quantization: auto`, why, and the log of all that it tried. */
export function OverviewSearch({ search }: { search: SearchResult }) {
  const { tries, chosen, reason, measuredOn, machine, stopped, missed, text, fp32Bytes } = search;
  const shared = tries.some(({ timedAs }) => timedAs !== null);
  const samples = Math.max(0, ...tries.map((one) => one.samples));
  return (
    <Block title={t('search.title')} testid="search">
      <p data-testid="search-reason">{sentence(reason)}</p>
      {missed !== null && <p class="loud">{sentence(missed)}</p>}
      {stopped && <p class="small">{t('search.stopped')}</p>}
      <details>
        <summary>{t('search.log', { n: tries.length })}</summary>
        <table class="mini wide">
          <thead>
            <tr>
              <th>{t('search.tried')}</th>
              <th class="n">{t('chip.speed')}, ×</th>
              <th class="n">SQNR, dB</th>
              <th class="n">{t('chip.size')}</th>
            </tr>
          </thead>
          <tbody>
            <tr data-testid="search-float32">
              <TrialName name="FP32" wins={chosen === null} />
              <td class="n">1</td>
              <td class="n">{NONE}</td>
              <td class="n">{bytes(fp32Bytes)}</td>
            </tr>
            {tries.map((one) => (
              <Try key={one.name} one={one} />
            ))}
          </tbody>
        </table>
        {shared && <p class="dim small">* {t('search.shared')}</p>}
      </details>
      {text !== null && (
        <details>
          <summary>{t('search.recipe')}</summary>
          <pre data-testid="search-recipe">{text}</pre>
        </details>
      )}
      <MeasuredOn {...measuredOn} samples={samples} machine={machine} threads={search.threads} />
    </Block>
  );
}

function Try({ one }: { one: SearchTry }) {
  const { name, state, why, latency, timedAs, worstDb } = one;
  return (
    <>
      <tr data-testid={`search-${name}`} data-state={state}>
        <TrialName name={name} wins={state === 'chosen'} />
        <SpeedCell latency={latency} mark={timedAs === null ? '' : ' *'} />
        <td class="n">{db(worstDb)}</td>
        <td class="n">{one.bytes === null ? NONE : bytes(one.bytes)}</td>
      </tr>
      {why !== null && (
        <tr class="dim small">
          <td colSpan={4}>
            {t(`search.state.${state}`)}: {why}
          </td>
        </tr>
      )}
    </>
  );
}
