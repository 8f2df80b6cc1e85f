import type { ComponentChildren } from 'preact';
import type { RunResult } from '../../src/protocol';
import { t } from '../l10n';
import type { TextKey } from '../l10n/phrase';
import { byteUnit, db, fixed, percent, plain, threads, timesDigits } from '../logic/format';
import { accuracyGap, metricKey, metricValue, worstOutput } from '../logic/measures';
import { act, locked, show } from './store';

/** Before anything was measured: what is missing, and what measures it. */
export function NoChip() {
  return (
    <button
      type="button"
      class="chip"
      data-testid="chip-none"
      disabled={locked.value}
      onClick={() => act('quantize')}
    >
      <small>{t('chip.none')}</small> <span class="linkish">{t('chip.doQuantize')}</span>
    </button>
  );
}

interface ChipProps {
  id: string;
  /** Null: not measured. */
  children: ComponentChildren;
  detail?: string;
  tip: string;
  onClick: () => void;
  /** What measures it. */
  missing?: { name: string; verb: string };
}

function Chip({ id, children, detail, tip, onClick, missing }: ChipProps) {
  if (children === null)
    return (
      <button
        type="button"
        class="chip"
        data-testid={`chip-${id}`}
        title={tip}
        disabled={locked.value}
        onClick={onClick}
      >
        <small>{t('chip.notMeasured', { what: missing?.name ?? '' })}</small>{' '}
        <span class="linkish">{missing?.verb}</span>
      </button>
    );
  return (
    <button type="button" class="chip" data-testid={`chip-${id}`} title={tip} onClick={onClick}>
      <b>{children}</b> <small>{detail}</small>
    </button>
  );
}

/** What was measured, each with its spread and a way to the view that explains it. */
export function Chips({ result }: { result: RunResult }) {
  const { latency, accuracy, agreement, size } = result;
  const worst = worstOutput(result);
  const gap = accuracy && accuracyGap(accuracy);
  const digits = latency ? timesDigits(latency.speedup, latency.low, latency.high) : 2;
  const measure = (what: TextKey) => ({ name: t(what), verb: t('chip.doCompare') });
  const unit = byteUnit(size?.fp32 ?? 1);
  return (
    <>
      <Chip
        id="speed"
        tip={t('chip.speedTip')}
        missing={measure('chip.speed')}
        onClick={() => (latency ? show('overview') : act('compare'))}
        detail={
          latency
            ? t('chip.speedDetail', {
                low: fixed(latency.low, digits),
                high: fixed(latency.high, digits),
                threads: threads(latency.threads),
              })
            : ''
        }
      >
        {latency && (
          <>
            {fixed(latency.speedup, digits)} ×
            {latency.verdict === 'not proven' && ` ${t('chip.notProven')}`}
            {latency.verdict === 'not faster here' && (
              <span class="worse"> {t('chip.notFaster')}</span>
            )}
          </>
        )}
      </Chip>
      {accuracy && !gap && (
        <Chip
          id="accuracy"
          tip={t('chip.accuracyTip')}
          onClick={() => show('overview')}
          detail={`${accuracy.own?.name ?? t(metricKey(accuracy.metric))}, n = ${accuracy.n}`}
        >
          {metricValue(accuracy, accuracy.int8)}
        </Chip>
      )}
      {!accuracy && agreement ? (
        <Chip
          id="accuracy"
          tip={t('chip.agreementTip')}
          onClick={() => show('overview')}
          detail={t('chip.agreementDetail', { n: agreement.n })}
        >
          {percent(agreement.value)} %
        </Chip>
      ) : (
        (!accuracy || gap) && (
          <Chip
            id="accuracy"
            tip={t('chip.accuracyTip')}
            missing={measure('chip.accuracy')}
            onClick={() => (gap ? show('overview') : act('compare'))}
            detail={gap && accuracy ? `${gap.low} … ${gap.high}, n = ${accuracy.n}` : ''}
          >
            {gap && (
              <span class={gap.tone}>
                {gap.text} {gap.unit}
              </span>
            )}
          </Chip>
        )
      )}
      <Chip
        id="sqnr"
        tip={worst ? t('chip.sqnrTip', { output: worst.name }) : t('chip.sqnr')}
        missing={measure('chip.sqnr')}
        onClick={() => (worst ? show('errors') : act('compare'))}
        detail={
          worst ? (worst.of > 1 ? t('chip.sqnrWorst', { n: worst.of }) : t('chip.sqnrDetail')) : ''
        }
      >
        {worst && `${db(worst.db)} dB`}
      </Chip>
      <Chip
        id="size"
        tip={t('chip.sizeTip')}
        missing={{ name: t('chip.size'), verb: t('chip.doQuantize') }}
        onClick={() => (size ? show('overview') : act('quantize'))}
        detail={
          size
            ? t('chip.sizeDetail', {
                int8: plain(size.int8 / unit[0]),
                fp32: plain(size.fp32 / unit[0]),
                unit: unit[1],
              })
            : ''
        }
      >
        {size && `${percent(size.int8 / size.fp32)} %`}
      </Chip>
      <Chip
        id="macs"
        tip={t('chip.macsTip')}
        missing={{ name: t('chip.macs'), verb: t('chip.doQuantize') }}
        onClick={() => (result.int8MacShare === null ? act('quantize') : show('layers'))}
        detail={t('chip.macsDetail')}
      >
        {result.int8MacShare === null ? null : `${percent(result.int8MacShare)} %`}
      </Chip>
    </>
  );
}
