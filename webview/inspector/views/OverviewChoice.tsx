import type { ModeChoice, ModeTrial } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, db, NONE, sentence, significant } from '../../logic/format';
import { Block } from '../parts/blocks';
import { MeasuredOn, SpeedCell, TrialName } from '../parts/trials';

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
            <TrialName name="FP32" wins={winner === 'float32'} />
            <td class="n">1</td>
            <td class="n">{base ? significant(base.fp32P50) : NONE}</td>
            <td class="n">{NONE}</td>
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
      <p>{sentence(reason)}</p>
      <MeasuredOn {...measuredOn} machine={machine} threads={choice.threads} />
    </Block>
  );
}

function Trial({ trial, wins }: { trial: ModeTrial; wins: boolean }) {
  const { mode, latency, worstDb } = trial;
  return (
    <tr data-testid={`choice-${mode}`}>
      <TrialName name={mode} wins={wins} />
      <SpeedCell latency={latency} />
      <td class="n">{latency ? significant(latency.int8P50) : NONE}</td>
      <td class="n">{db(worstDb)}</td>
      <td class="n">{trial.bytes === null ? NONE : bytes(trial.bytes)}</td>
    </tr>
  );
}
