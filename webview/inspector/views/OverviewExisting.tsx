import type { ExistingQuantization, ExistingRange } from '../../../src/protocol';
import { say, t } from '../../l10n';
import { whole } from '../../logic/format';
import { boundsOf, meaningOf, rolesOf } from '../../logic/existing';
import { Block } from '../parts/blocks';
import { Name } from '../parts/marks';
import { VirtualList } from '../parts/VirtualList';
import { act, locked } from '../store';

const ROW = 22;
const HEAD = 24;
/** Rows in sight; more scroll. */
const SHOWN = 12;
const TRACKS =
  'minmax(130px, 1.4fr) 84px 54px minmax(230px, 1.4fr) minmax(126px, 0.8fr) minmax(90px, 1fr)';
const LEAST = '732px';
const COLUMNS = ['tensor', 'role', 'type', 'meaning', 'bounds', 'readBy'] as const;

/** The quantization that a file has been through before: what is in codes, and what the codes mean. */
export function OverviewExisting({ found }: { found: ExistingQuantization }) {
  const { operators, tensors, formats } = found;
  const nodes = operators.reduce((sum, { count }) => sum + count, 0);
  const roles = rolesOf(tensors).map(({ role, n }) => t(`existing.count.${role}`, { n: whole(n) }));
  return (
    <Block title={t('existing.title')} testid="existing">
      <p data-testid="existing-counts">
        {t('existing.counts', { nodes: whole(nodes), formats: formats.join(', ') })}{' '}
        {roles.join(' · ')}
        <br />
        <span class="dim">
          {operators.map(({ op, count }) => `${whole(count)} ${op}`).join(' · ')}
        </span>
      </p>
      <p>
        <vscode-button
          appearance="secondary"
          data-testid="action-dequantize"
          disabled={locked.value}
          title={t('existing.doTip')}
          onClick={() => act('dequantize')}
        >
          {t('menu.dequantize')}
        </vscode-button>
      </p>
      {tensors.length > 0 && (
        <div
          style={{
            display: 'flex',
            height: `${HEAD + ROW * Math.min(tensors.length, SHOWN) + 2}px`,
          }}
        >
          <VirtualList
            class="table still"
            role="table"
            aria-label={t('existing.title')}
            aria-rowcount={tensors.length + 1}
            aria-colcount={COLUMNS.length}
            tabIndex={0}
            onKeyDown={scrolls}
            data-testid="existing-table"
            count={tensors.length}
            rowHeight={ROW}
            follow={null}
            head={<Head />}
            headHeight={HEAD}
            minWidth={LEAST}
            row={(index, top) => {
              const tensor = tensors[index];
              return tensor && <Row key={index} tensor={tensor} index={index} top={top} />;
            }}
          />
        </div>
      )}
    </Block>
  );
}

/** Keys that scroll the list do not walk the layers meanwhile. */
function scrolls(event: KeyboardEvent): void {
  if (/^(Arrow(Up|Down)|Page(Up|Down)|Home|End)$/.test(event.key)) event.stopPropagation();
}

function Head() {
  return (
    <div class="head" role="row" style={{ gridTemplateColumns: TRACKS, minWidth: LEAST }}>
      {COLUMNS.map((column) => (
        <span key={column} class="cell dim small" role="columnheader">
          {t(`existing.${column}`)}
        </span>
      ))}
    </div>
  );
}

function Row({ tensor, index, top }: { tensor: ExistingRange; index: number; top: number }) {
  const meaning = meaningOf(tensor);
  const readers = tensor.consumers.join(', ');
  const cells: [string, string | null][] = [
    [t(`existing.role.${tensor.role}`), null],
    [tensor.type, null],
    [typeof meaning === 'string' ? meaning : say(meaning), 'n'],
    [boundsOf(tensor), 'n'],
    [readers, null],
  ];
  return (
    <div
      class="row"
      role="row"
      aria-rowindex={index + 2}
      data-testid="existing-row"
      style={{
        gridTemplateColumns: TRACKS,
        height: `${ROW}px`,
        lineHeight: `${ROW}px`,
        transform: `translateY(${top}px)`,
      }}
    >
      <div class="cell" role="rowheader">
        <Name name={tensor.tensor} />
      </div>
      {cells.map(([text, kind], i) => (
        <div key={i} class={`cell ${kind ?? ''}`} role="cell" title={text}>
          {text}
        </div>
      ))}
    </div>
  );
}
