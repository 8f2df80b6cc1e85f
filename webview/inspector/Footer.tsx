import { t } from '../l10n';
import type { TextKey } from '../l10n/phrase';
import { bytes, seconds } from '../logic/format';
import { act, said, state } from './store';

/** What runs: stage, count, time left, memory, Cancel. Only there while it runs, or to say something. */
export function Footer() {
  const job = state.value?.job;
  if (!job)
    return said.value ? (
      <footer>
        <span>{said.value}</span>
      </footer>
    ) : null;
  const { progress, title } = job;
  const facts = progress
    ? [
        progress.total > 0 && `${progress.done}/${progress.total}`,
        progress.etaSeconds !== null && t('job.left', { time: seconds(progress.etaSeconds) }),
        progress.estimate
          ? t('job.estimate', {
              memory: bytes(progress.memory),
              most: bytes(progress.estimate.memory),
              n: progress.estimate.tensors,
            })
          : progress.memory > 0 && bytes(progress.memory),
        progress.detail,
      ].filter(Boolean)
    : [];
  const known = progress && progress.total > 0;
  return (
    <footer data-testid="footer">
      <span class="stage">{progress ? t(`stage.${progress.stage}` as TextKey) : title}</span>
      <div
        class={`progress ${known ? '' : 'unknown'}`}
        role="progressbar"
        data-testid="progress"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={known ? progress.total : undefined}
        aria-valuenow={known ? progress.done : undefined}
      >
        <i style={{ width: known ? `${(100 * progress.done) / progress.total}%` : undefined }} />
      </div>
      <span class="n">{facts.join(' · ')}</span>
      <vscode-button appearance="secondary" data-testid="cancel" onClick={() => act('cancel')}>
        {t('job.cancel')}
      </vscode-button>
      <span class="space" />
      {said.value && <span>{said.value}</span>}
      <span class="keys">
        <kbd>↑</kbd> <kbd>↓</kbd> {t('keys.layer')} <kbd>F</kbd> {t('keys.keep')} <kbd>/</kbd>{' '}
        {t('keys.find')}
      </span>
    </footer>
  );
}
