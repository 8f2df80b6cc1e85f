import { t } from '../../l10n';
import { whole } from '../../logic/format';
import { query, rows } from '../store';
import { Icon } from './marks';

/** Finds layers by name, operator, precision or value; `/` goes here. */
export function Search({ shown }: { shown: number }) {
  const all = rows.value.length;
  return (
    <>
      <vscode-text-field
        class="search"
        data-testid="search"
        placeholder={t('search.placeholder')}
        aria-label={t('search.label')}
        title={t('search.tip')}
        value={query.value}
        onInput={(event: Event) => (query.value = (event.target as HTMLInputElement).value)}
      >
        <span slot="start" class="codicon codicon-search" />
      </vscode-text-field>
      <span class="dim count" data-testid="count">
        {shown === all
          ? t('layers.count', { n: whole(all) })
          : t('layers.found', { shown: whole(shown), n: whole(all) })}
      </span>
      {query.value && (
        <button
          type="button"
          class="icon"
          aria-label={t('search.clear')}
          onClick={() => (query.value = '')}
        >
          <Icon name="close" />
        </button>
      )}
    </>
  );
}
