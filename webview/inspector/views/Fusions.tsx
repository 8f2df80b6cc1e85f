import type { FusionBlocker, FusionCandidate, FusionStatus } from '../../../src/protocol';
import { t } from '../../l10n';
import { Empty, Icon, Name } from '../parts/marks';
import { VirtualList } from '../parts/VirtualList';
import { select, selected, state } from '../store';

const ORDER: readonly FusionStatus[] = ['blocked', 'will', 'done'];
const ICONS: Record<FusionStatus, string> = {
  blocked: 'circle-slash',
  will: 'arrow-right',
  done: 'check',
};
const ROW = 42;

type Line = { status: FusionStatus; count: number } | FusionCandidate;

/** What could be one? Groups of nodes: blocked first, because there one can do something. */
export function FusionsView() {
  const now = state.value;
  const fusions = now?.result?.fusions.length ? now.result.fusions : (now?.summary?.fusions ?? []);
  if (fusions.length === 0) return <Empty icon="combine" title={t('fusions.empty')} />;
  const lines: Line[] = ORDER.flatMap((status) => {
    const group = fusions.filter((fusion) => fusion.status === status);
    return group.length ? [{ status, count: group.length }, ...group] : [];
  });
  const chosen = selected.value;
  return (
    <VirtualList
      class="fusions"
      role="list"
      aria-label={t('view.fusions')}
      data-testid="fusions-list"
      tabIndex={0}
      count={lines.length}
      rowHeight={ROW}
      follow={chosen === null ? null : lines.findIndex((l) => 'layer' in l && l.layer === chosen)}
      minWidth="560px"
      row={(index, top) => {
        const line = lines[index];
        const place = { height: `${ROW}px`, transform: `translateY(${top}px)` };
        if (!line) return null;
        return 'layer' in line ? (
          <Fusion key={index} fusion={line} place={place} on={line.layer === chosen} />
        ) : (
          <div key={index} class="row group" style={place} data-testid={`fusions-${line.status}`}>
            <h3>
              {t(`fusions.${line.status}`)} <span>{line.count}</span>
            </h3>
            <span class="dim small">{t(`fusions.${line.status}Tip`)}</span>
          </div>
        );
      }}
    />
  );
}

/** Why a node is in the way, or what would free it. */
function blockerText(what: 'why' | 'free', { code, tensor, op, value }: FusionBlocker): string {
  return t(`fusions.${what}.${code}`, {
    tensor: tensor ?? '',
    op: op ?? '',
    value: value ?? '',
  });
}

interface FusionProps {
  fusion: FusionCandidate;
  place: Record<string, string>;
  on: boolean;
}

function Fusion({ fusion, place, on }: FusionProps) {
  const { status, blockedBy, nodes, layer, gain } = fusion;
  return (
    <div
      class={`row fusion ${status} ${on ? 'on' : ''}`}
      role="listitem"
      style={place}
      data-testid="fusion-row"
      data-status={status}
      data-layer={layer}
      onClick={() => select(layer)}
    >
      <Icon name={ICONS[status]} />
      <div class="what">
        <button type="button" class="link" tabIndex={-1}>
          <Name name={layer} />
        </button>
        <small class="dim">{fusion.pattern}</small>
      </div>
      <div class="chain" role="img" aria-label={nodes.map((n) => `${n.op} ${n.name}`).join(' → ')}>
        {nodes.map((node, i) => (
          <>
            {i > 0 && <i class={blockedBy?.node === node.name ? 'cut' : ''} />}
            <span
              key={node.name}
              class={`node ${blockedBy?.node === node.name ? 'blocker' : ''}`}
              title={`${node.op} ${node.name}`}
            >
              {node.op === 'BatchNormalization' ? 'BatchNorm' : node.op}
            </span>
          </>
        ))}
        {blockedBy && !nodes.some((node) => node.name === blockedBy.node) && (
          <>
            <i class="cut" />
            <span class="node blocker" title={blockedBy.node}>
              {blockedBy.node}
            </span>
          </>
        )}
      </div>
      <div class="why">
        {blockedBy && (
          <p title={blockedBy.reason} data-testid="fusion-why">
            <b>{blockedBy.node}</b> {blockerText('why', blockedBy)}
          </p>
        )}
        {blockedBy ? (
          <p class="dim" title={blockedBy.remedy} data-testid="fusion-free">
            {blockerText('free', blockedBy)}
          </p>
        ) : (
          <p class="dim" title={gain}>
            {gain}
          </p>
        )}
      </div>
    </div>
  );
}
