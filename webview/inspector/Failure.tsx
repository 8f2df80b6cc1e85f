import { language, t } from '../l10n';
import { remedyButton } from '../logic/remedy';
import { Icon } from './parts/marks';
import { Ticked } from './parts/Ticked';
import { act, byName, locked, requestError, select, state } from './store';

/** How long ago, in words. */
export function age(iso: string): string {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return iso;
  const format = new Intl.RelativeTimeFormat(language.value, { numeric: 'auto' });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['day', 86400],
    ['hour', 3600],
    ['minute', 60],
  ];
  for (const [unit, size] of steps)
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  return t('age.now');
}

/** An error where the result would have stood: what happened, where, why, and what helps. */
export function Failure() {
  const own = requestError.value;
  const error = own ?? state.value?.failure;
  if (!error || state.value?.job) return null;
  const button = remedyButton(error);
  const result = state.value?.result;
  const node = error.node !== undefined && byName.value.has(error.node) ? error.node : null;
  const places = [
    error.file && (error.line === undefined ? error.file : `${error.file}:${error.line}`),
    error.node,
    error.tensor,
  ].filter(Boolean);
  return (
    <div class="failure" role="alert" data-testid="failure">
      <Icon name="error" />
      <div>
        <p>
          <b>
            <Ticked text={error.message} />
          </b>
        </p>
        {error.remedy && (
          <p data-testid="failure-remedy">
            <Ticked text={error.remedy} />
          </p>
        )}
        <p class="dim">
          <code data-testid="failure-code">{error.code}</code>
          {places.map((place) => (
            <span key={place}> · {place}</span>
          ))}
          {result && <span> · {t('failure.lastGood', { age: age(result.finishedAt) })}</span>}
        </p>
      </div>
      <div class="does">
        {button && (
          <vscode-button
            data-testid="failure-action"
            disabled={locked.value && button.action !== 'openRecipe'}
            onClick={() => act(button.action)}
          >
            {t(button.label)}
          </vscode-button>
        )}
        {node !== null && (
          <vscode-button appearance="secondary" onClick={() => select(node)}>
            {t('failure.show')}
          </vscode-button>
        )}
        {own && (
          <button
            type="button"
            class="icon"
            aria-label={t('failure.dismiss')}
            onClick={() => (requestError.value = null)}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
    </div>
  );
}
