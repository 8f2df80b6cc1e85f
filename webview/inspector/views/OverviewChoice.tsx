import type { ModeChoice, ModeTrial } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, db, fixed, significant, threads } from '../../logic/format';
import { Block } from '../parts/blocks';
import { Icon } from '../parts/marks';

/** The modes that were measured where the recipe left the choice to the machine, and why one won. */
export function OverviewChoice({ choice }: { choice: ModeChoice }) {
  const { trials, winner, reason, measuredOn, machine, fp32Bytes } = choice;
  const base = trials.find(({ latency }) => latency)?.latency;
  return (
    <Block title={t('choice.title')} testid="choice">
      <table class="mini wide">
        <thead>
          <tr>
            <th>{t('from.mode')}</th>
            <th class="n">{t('chip.speed')}, ×</th>
            <th class="n">p50, ms</th>
            <th class="n">SQNR, dB</th>
            <th class="n">{t('chip.size')}</th>
          </tr>
        </thead>
        <tbody>
          <tr data-testid="choice-float32">
            <Mode name="FP32" wins={winner === 'float32'} />
            <td class="n">1</td>
            <td class="n">{base ? significant(base.fp32P50) : '·'}</td>
            <td class="n">·</td>
            <td class="n">{bytes(fp32Bytes)}</td>
          </tr>
          {trials.map((trial) => (
            <Trial key={trial.mode} trial={trial} wins={trial.mode === winner} />
          ))}
        </tbody>
      </table>
      {trials.map(({ mode, failure, misses }) => {
        const why = failure?.message ?? misses;
        return why ? (
          <p key={mode} class="small">
            {mode}: {why}
          </p>
        ) : null;
      })}
      <p>{reason.charAt(0).toUpperCase() + reason.slice(1)}.</p>
      <p class="dim small">
        {measuredOn.random
          ? t('choice.random')
          : t('overview.evaluatedOn', { n: measuredOn.samples, source: measuredOn.source })}{' '}
        · {t('from.runtimeIs', { runtime: machine, threads: threads(choice.threads) })}
      </p>
    </Block>
  );
}

function Mode({ name, wins }: { name: string; wins: boolean }) {
  return (
    <th scope="row">
      {wins && <Icon name="pass" />} {name}
      {wins && <span class="sr"> {t('choice.won')}</span>}
    </th>
  );
}

function Trial({ trial, wins }: { trial: ModeTrial; wins: boolean }) {
  const { mode, latency, worstDb } = trial;
  return (
    <tr data-testid={`choice-${mode}`}>
      <Mode name={mode} wins={wins} />
      <td class="n">
        {latency ? (
          <>
            {fixed(latency.speedup, 2)}{' '}
            <small class="dim">
              {fixed(latency.low, 2)} … {fixed(latency.high, 2)}
            </small>
          </>
        ) : (
          '·'
        )}
      </td>
      <td class="n">{latency ? significant(latency.int8P50) : '·'}</td>
      <td class="n">{db(worstDb)}</td>
      <td class="n">{trial.bytes === null ? '·' : bytes(trial.bytes)}</td>
    </tr>
  );
}
