import { useMemo } from 'preact/hooks';
import { t } from '../../l10n';
import { worstChannels } from '../../logic/channels';
import { COLUMNS, type Column, type ColumnId } from '../../logic/columns';
import { db, fixed, NONE } from '../../logic/format';
import { jumps } from '../../logic/profile';
import type { LayerRow } from '../../logic/rows';
import { Canvas } from '../parts/Canvas';
import { channelHeat } from '../parts/draw';
import { profile, profileIndex } from '../parts/drawProfile';
import { LayerTable } from '../parts/LayerTable';
import { Empty, Icon, Legend } from '../parts/marks';
import { Search } from '../parts/Search';
import {
  act,
  copy,
  errorRows,
  errorSort,
  locked,
  rows,
  select,
  selectedRow,
  state,
  viewWidth,
} from '../store';
import { tableCsv } from './Layers';

const pick = (id: ColumnId, width?: string): Column => {
  const column = COLUMNS.find((each) => each.id === id);
  if (!column) throw new Error(`no column ${id}`);
  return width === undefined ? column : { ...column, width };
};

/** Layers × measures, in the order in which a reader asks: made here, arrived here, at the output. */
const MEASURED: readonly Column[] = [
  pick('precision'),
  pick('name', 'minmax(108px, 1fr)'),
  pick('kind', 'minmax(96px, .8fr)'),
  pick('range', '76px'),
  pick('local', '62px'),
  pick('accumulated', '84px'),
  pick('onlyThis', '66px'),
  pick('clip'),
  pick('used', '68px'),
  { ...pick('share', 'minmax(92px, 1.1fr)'), align: 'start' },
  pick('costs', '70px'),
];

/** What a narrow view leaves out, the first to go first: what blames a layer stays in sight. */
const OPTIONAL: readonly [ColumnId, number][] = [
  ['range', 980],
  ['kind', 880],
  ['clip', 780],
  ['used', 700],
];

/** What hurts, and who is to blame? */
export function ErrorsView() {
  const all = rows.value;
  const measured = all.some((row) => row.accumulated !== null || row.share !== null);
  if (!measured)
    return (
      <Empty icon="flame" title={t('errors.empty')}>
        <vscode-button
          data-testid="empty-quantize"
          disabled={locked.value}
          onClick={() => act('quantize')}
        >
          {t('header.quantize')}
        </vscode-button>
      </Empty>
    );
  const shown = errorRows.value;
  const hidden = OPTIONAL.filter(([, least]) => viewWidth.value < least).map(([id]) => id);
  const columns = MEASURED.filter(({ id }) => !hidden.includes(id));
  const most = all.reduce((max, row) => Math.max(max, row.share ?? 0), 0);
  return (
    <>
      <div class="tools">
        <Search shown={shown.length} />
        {errorSort.value && (
          <button
            type="button"
            class="icon"
            data-testid="graph-order"
            title={t('errors.graphOrder')}
            aria-label={t('errors.graphOrder')}
            onClick={() => (errorSort.value = null)}
          >
            <Icon name="list-ordered" />
          </button>
        )}
        <span class="space" />
        <Legend measures={columns.flatMap(({ heat }) => heat ?? [])} />
        <button
          type="button"
          class="icon"
          title={t('layers.copy')}
          aria-label={t('layers.copy')}
          onClick={() => void copy(tableCsv(MEASURED, shown), t('layers.csv', { n: shown.length }))}
        >
          <Icon name="copy" />
        </button>
      </div>
      <LayerTable
        label={t('view.errors')}
        columns={columns}
        rows={shown}
        sort={errorSort.value}
        onSort={(sort) => (errorSort.value = sort)}
        rowHeight={20}
        testid="errors-table"
        titles={{ share: t('errors.share') }}
        cell={(column, row) => errorCell(column, row, most)}
      />
      <Profile />
      <Channels />
      <Samples />
    </>
  );
}

function errorCell(column: Column, row: LayerRow, most: number) {
  if (column.id === 'share') {
    if (row.share === null) return <span class="dim">{NONE}</span>;
    const width = most > 0 ? (row.share / Math.max(most, 0.2)) * 64 : 0;
    return (
      <span class="bar" data-testid="heat-share" data-layer={row.name}>
        <i style={{ width: `max(1px, ${width}%)` }} />
        {row.share >= 0.015 && (
          <small>
            {row.shareBy !== 'exact' && '≈ '}
            {fixed(row.share * 100, 0)} %
          </small>
        )}
      </span>
    );
  }
  if (column.id === 'costs')
    return row.costs === null || row.costs < 0.05 ? (
      <span class="dim">{NONE}</span>
    ) : (
      <span class={row.result?.hurts ? 'strong' : 'dim'}>+{fixed(row.costs, 1)}</span>
    );
  return undefined;
}

function Profile() {
  const all = rows.value;
  const chosen = selectedRow.value?.index ?? null;
  const falls = useMemo(() => jumps(all), [all]);
  const draw = useMemo(() => profile(all, chosen, falls), [all, chosen, falls]);
  if (!all.some((row) => row.accumulated !== null)) return null;
  const at = (x: number, width: number) => all[profileIndex(x, width, all.length)];
  const spoken = falls.map((fall) => `${fall.name} −${fixed(fall.drop, 1)} dB`).join(', ');
  return (
    <div class="strip" data-testid="profile">
      <h3>{t('errors.profile')}</h3>
      <Canvas
        class="profile"
        draw={draw}
        label={`${t('errors.profile')}. ${t('errors.jumps')}: ${spoken || '–'}`}
        onMove={(x, width) => {
          const row = at(x, width);
          return row ? `${row.name}: ${db(row.accumulated)} dB` : null;
        }}
        onPick={(x, width) => select(at(x, width)?.name ?? null)}
      />
    </div>
  );
}

/** Which samples suffer most, and whether every layer could be looked at. */
function Samples() {
  const result = state.value?.result;
  const worst = result?.worstSamples ?? []; // results of older versions have none
  const match = result?.layerMatch ?? null;
  if (worst.length === 0 && !match) return null;
  return (
    <div class="strip" data-testid="samples">
      {worst.length > 0 && (
        <>
          <h3 title={t('errors.samplesTip')}>{t('errors.samples')}</h3>
          <p class="small">
            {worst.map(({ sample, sqnrDb }, i) => (
              <span key={sample} data-testid="worst-sample">
                {i > 0 && ' · '}
                {sample} <span class="dim">{db(sqnrDb)} dB</span>
              </span>
            ))}
          </p>
        </>
      )}
      {match && (
        <p class="small dim" data-testid="match">
          {t('errors.match', { found: match.found, n: match.of })}
          {match.unmatched.length > 0 &&
            `; ${t('errors.unmatched', { names: match.unmatched.join(', ') })}`}
        </p>
      )}
    </div>
  );
}

function Channels() {
  const row = selectedRow.value;
  const channels = row?.result?.localByChannel;
  const draw = useMemo(() => channelHeat(channels ?? []), [channels]);
  if (!row) return null;
  if (!channels?.length)
    return (
      <div class="strip">
        <h3>{t('errors.channelsNone', { layer: row.name })}</h3>
      </div>
    );
  const worst = worstChannels(channels)
    .map((each) => t('errors.channel', { channel: each.channel, db: db(each.db) }))
    .join(' · ');
  return (
    <div class="strip" data-testid="channels">
      <h3>
        {t('errors.channels', { layer: row.name, n: channels.length })}
        <span> {worst}</span>
      </h3>
      <Canvas
        class="channels"
        draw={draw}
        label={`${t('errors.channels', { layer: row.name, n: channels.length })} ${worst}`}
        onMove={(x, width) => {
          const channel = Math.floor((x / width) * channels.length);
          return t('errors.channel', { channel, db: db(channels[channel]) });
        }}
      />
    </div>
  );
}
