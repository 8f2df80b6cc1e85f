import { FUSION_PARTS, fusionCounts, fusionLines } from '../../logic/fusions';
import { t } from '../../l10n';
import { FlowList } from '../parts/FlowList';
import { Empty } from '../parts/marks';
import { Segments } from '../parts/Segments';
import { act, fusionFilter, locked, selected, state } from '../store';
import { FusionGains } from './FusionGains';
import { FusionRow } from './FusionRows';

/** Height of a line before it was seen. */
const LINE = 30;

/** What could be one? Groups of nodes, and where integers are interrupted: first where one can do something. */
export function FusionsView() {
  const now = state.value;
  const fusions = now?.result?.fusions.length ? now.result.fusions : (now?.summary?.fusions ?? []);
  const breaks = now?.result?.breaks ?? [];
  if (fusions.length === 0 && breaks.length === 0)
    return <Empty icon="combine" title={t('fusions.empty')} />;
  const { parts, patterns } = fusionCounts(fusions, breaks);
  const { part, pattern } = fusionFilter.value;
  // what another model had may not be here
  const filter = {
    part: part !== null && parts[part] > 0 ? part : null,
    pattern: patterns.some(([name]) => name === pattern) ? pattern : null,
  };
  const lines = fusionLines(fusions, breaks, filter);
  const chosen = selected.value;
  const layerOf = (i: number) => {
    const line = lines[i]!;
    if (line.kind === 'fusion') return line.fusion.layer;
    return line.kind === 'break' ? line.found.layer : null;
  };
  return (
    <>
      <div class="tools">
        <Segments
          label={t('fusions.show')}
          value={filter.part}
          segments={[null, ...FUSION_PARTS.filter((each) => parts[each] > 0)].map((each) => ({
            value: each,
            text: each === null ? t('fusions.all') : `${t(`fusions.${each}`)} ${parts[each]}`,
            testid: `fusions-show-${each ?? 'all'}`,
          }))}
          onChoose={(chosen) => (fusionFilter.value = { ...fusionFilter.value, part: chosen })}
        />
        <vscode-dropdown
          aria-label={t('fusions.pattern')}
          data-testid="fusions-pattern"
          value={filter.pattern ?? ''}
          onChange={(event: Event) => {
            const { value } = event.target as HTMLSelectElement;
            const found = patterns.find(([name]) => name === value);
            fusionFilter.value = { ...fusionFilter.value, pattern: found?.[0] ?? null };
          }}
        >
          <vscode-option value="">{t('fusions.everyPattern')}</vscode-option>
          {patterns.map(([name, count]) => (
            <vscode-option key={name} value={name}>
              {name} · {count}
            </vscode-option>
          ))}
        </vscode-dropdown>
        <span class="space" />
        <vscode-button
          appearance="secondary"
          data-testid="action-measureFusions"
          title={t('fusions.measureTip')}
          disabled={locked.value}
          onClick={() => act('measureFusions')}
        >
          {t('fusions.measure')}
        </vscode-button>
      </div>
      {now?.gains && <FusionGains gains={now.gains} when={now.gainsWhen} />}
      {lines.length === 0 && <Empty icon="filter" title={t('fusions.none')} />}
      {lines.length > 0 && (
        <FlowList
          class="fusions"
          role="list"
          aria-label={t('view.fusions')}
          data-testid="fusions-list"
          tabIndex={0}
          names={lines.map(({ name }) => name)}
          guess={LINE}
          follow={chosen === null ? null : lines.findIndex((_, i) => layerOf(i) === chosen)}
          minWidth="520px"
          row={(i, style) => (
            <FusionRow
              key={lines[i]!.name}
              line={lines[i]!}
              style={style}
              on={chosen !== null && layerOf(i) === chosen}
            />
          )}
        />
      )}
    </>
  );
}
