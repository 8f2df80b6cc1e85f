import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { t } from '../../l10n';
import type { TextKey } from '../../l10n/phrase';
import { significant } from '../../logic/format';
import type { LayerRow } from '../../logic/rows';
import { useRange, useWeights, type Pulled } from '../pull';
import { Canvas } from '../parts/Canvas';
import { maxima, sparkline } from '../parts/draw';
import { Empty, Icon, Name, PrecisionSwitch } from '../parts/marks';
import { Plot } from '../parts/Plot';
import { Segments } from '../parts/Segments';
import { VirtualList } from '../parts/VirtualList';
import {
  act,
  locked,
  logY,
  rangesPart,
  rows,
  select,
  selectedRow,
  state,
  type RangesPart,
} from '../store';
import { rangeFigure, weightFigure } from './figures';

const PARTS: readonly RangesPart[] = ['output', 'input', 'weights'];
const ROW = 48;
const SMALL = [122, 20] as const;

/** Do the ranges fit? All layers as small multiples, the selected one in full. */
export function RangesView() {
  const all = rows.value;
  const row = selectedRow.value ?? all[0] ?? null;
  return (
    <div class="ranges">
      <VirtualList
        class="multiples"
        role="listbox"
        aria-label={t('ranges.layers')}
        data-testid="multiples"
        tabIndex={0}
        count={all.length}
        rowHeight={ROW}
        follow={row?.index ?? null}
        row={(index, top) => {
          const each = all[index];
          return each ? <Multiple key={each.name} row={each} top={top} on={each === row} /> : null;
        }}
      />
      <div class="chosen">{row && <Chosen row={row} />}</div>
    </div>
  );
}

function Multiple({ row, top, on }: { row: LayerRow; top: number; on: boolean }) {
  const counts = row.range?.sparkline ?? [];
  const weight = row.summary?.weight;
  const draw = useMemo(
    () => (counts.length > 0 ? sparkline(counts) : maxima(weight?.channelMax ?? [])),
    [row],
  );
  return (
    <div
      class={`row multiple ${on ? 'on' : ''}`}
      role="option"
      aria-selected={on}
      data-testid="multiple"
      data-layer={row.name}
      style={{ height: `${ROW}px`, transform: `translateY(${top}px)` }}
      onClick={() => select(row.name)}
    >
      <Name name={row.name} />
      <PrecisionSwitch row={row} />
      {counts.length > 0 ? (
        <Canvas size={SMALL} draw={draw} />
      ) : weight?.channelMax ? (
        <Canvas size={SMALL} draw={draw} />
      ) : weight ? (
        <span class="dim small">{t('ranges.whenOpened')}</span>
      ) : (
        <span class="dim small">{t('ranges.nothing')}</span>
      )}
      {!row.range && weight && row.weightSpan !== null && (
        <span class="dim small n">{significant(row.weightSpan, 2)} ×</span>
      )}
      {row.range && (
        <span class="dim small n">
          {significant(row.range.min, 2)} … {significant(row.range.max, 2)}
        </span>
      )}
    </div>
  );
}

function Chosen({ row }: { row: LayerRow }) {
  const now = state.value;
  const ranges = now?.result?.ranges ?? [];
  const calibrated = ranges.length > 0;
  const inputIndex = useSignal(0);
  const inputs = row.summary?.inputs ?? [];
  useEffect(() => {
    inputIndex.value = 0;
  }, [row.name]);
  const tensors: Record<RangesPart, string | null> = {
    output: row.summary?.output ?? row.range?.tensor ?? null,
    input: inputs[Math.min(inputIndex.value, inputs.length - 1)] ?? null,
    weights: null,
  };
  const wanted = rangesPart.value ?? (calibrated ? 'output' : 'weights');
  const part = !row.summary?.weight && wanted === 'weights' ? 'output' : wanted;
  const tensor = calibrated ? tensors[part] : null;
  const key = now?.result?.key ?? now?.summary?.file ?? '';
  const range = useRange(part === 'weights' ? null : tensor, key);
  const weights = useWeights(part === 'weights' && row.summary?.weight ? row.name : null, key);
  return (
    <>
      <div class="tools">
        <Segments
          label={t('ranges.what')}
          value={part}
          segments={PARTS.map((each) => ({
            value: each,
            text: t(`ranges.${each}` as TextKey),
            testid: `ranges-${each}`,
            disabled: each === 'weights' && !row.summary?.weight,
          }))}
          onChoose={(chosen) => (rangesPart.value = chosen)}
        />
        {part === 'input' && inputs.length > 1 && (
          <vscode-dropdown
            data-testid="ranges-inputs"
            aria-label={t('ranges.input')}
            value={String(inputIndex.value)}
            onChange={(event: Event) =>
              (inputIndex.value = Number((event.target as HTMLSelectElement).value))
            }
          >
            {inputs.map((_, i) => (
              <vscode-option key={i} value={String(i)}>
                {t('ranges.inputOf', { n: i + 1 })}
              </vscode-option>
            ))}
          </vscode-dropdown>
        )}
        <span
          class="dim mono tensor"
          title={part === 'weights' ? row.summary?.weight?.tensor : (tensor ?? '')}
        >
          {part === 'weights' ? row.summary?.weight?.tensor : tensor}
        </span>
        <span class="space" />
        <vscode-checkbox
          data-testid="log-y"
          checked={logY.value}
          onChange={(event: Event) => (logY.value = (event.target as HTMLInputElement).checked)}
        >
          {t('ranges.log')}
        </vscode-checkbox>
      </div>
      {part === 'weights' ? (
        <Body pulled={weights}>
          {(detail) => (
            <Plot
              revision={`${key} ${detail.layer} w ${logY.value}`}
              figure={() => weightFigure(detail, logY.value)}
              label={t('ranges.weightsLabel', {
                layer: row.name,
                low: significant(detail.min),
                high: significant(detail.max),
                n: detail.channelTop.length,
              })}
            />
          )}
        </Body>
      ) : !calibrated ? (
        <Empty icon="graph" title={t('ranges.empty')}>
          <p class="dim">{t('ranges.emptyMore')}</p>
          <div class="actions">
            <vscode-button
              data-testid="empty-calibrate"
              disabled={locked.value}
              onClick={() => act('calibrate')}
            >
              {t('menu.calibrate')}
            </vscode-button>
            {row.summary?.weight && (
              <vscode-button appearance="secondary" onClick={() => (rangesPart.value = 'weights')}>
                {t('ranges.showWeights')}
              </vscode-button>
            )}
          </div>
        </Empty>
      ) : tensor === null ? (
        <Empty icon="graph" title={t('ranges.noTensor')} />
      ) : (
        <Body pulled={range}>
          {(detail) => (
            <>
              <p class="dim small facts-line" data-testid="range-facts">
                {[
                  `${significant(detail.min)} … ${significant(detail.max)}`,
                  detail.mean !== null &&
                    detail.std !== null &&
                    `${t('ranges.mean')} ${significant(detail.mean)} ± ${significant(detail.std)}`,
                  detail.observer,
                  t('ranges.samples', { n: detail.samples }),
                  detail.notFinite > 0 && t('panel.notFinite', { n: detail.notFinite }),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </p>
              <Plot
                revision={`${key} ${detail.tensor} ${logY.value}`}
                figure={() => rangeFigure(detail, logY.value)}
                label={t('ranges.label', {
                  tensor: detail.tensor,
                  low: significant(detail.min),
                  high: significant(detail.max),
                })}
              />
            </>
          )}
        </Body>
      )}
    </>
  );
}

interface BodyProps<T> {
  pulled: Pulled<T>;
  children: (value: T) => ComponentChildren;
}

function Body<T>({ pulled, children }: BodyProps<T>) {
  if (pulled.error)
    return (
      <div class="failure" role="alert" data-testid="pull-failed">
        <Icon name="error" />
        <div>
          <p>{pulled.error.message}</p>
          {pulled.error.remedy && <p class="dim">{pulled.error.remedy}</p>}
        </div>
      </div>
    );
  if (pulled.value) return <>{children(pulled.value)}</>;
  return pulled.waiting ? (
    <div class="empty">
      <vscode-progress-ring />
    </div>
  ) : null;
}
