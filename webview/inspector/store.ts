import { batch, computed, effect, signal } from '@preact/signals';
import type {
  ErrorData,
  InspectorAction,
  InspectorState,
  ViewName,
  PlannedLayer,
} from '../../src/protocol';
import { language, t } from '../l10n';
import type { ColumnId } from '../logic/columns';
import type { FusionFilter } from '../logic/fusions';
import { joinRows } from '../logic/rows';
import { matches } from '../logic/search';
import { sensitivityColumns, sensitivitySort } from '../logic/sensitivity';
import { sortRows, type Sort } from '../logic/sort';
import { RequestError, Rpc, type Host } from '../rpc';

declare function acquireVsCodeApi(): Host;

export type RangesPart = 'output' | 'input' | 'weights';

/** What survives the tab being hidden or the window reloaded. */
interface Kept {
  view: ViewName;
  selected: string | null;
  layerSort: Sort;
  errorSort: Sort;
  /** Columns shown or hidden against their default. */
  columns: Partial<Record<ColumnId, boolean>>;
  logY: boolean;
  rangesPart: RangesPart | null;
  fusionFilter: FusionFilter;
}

const host = acquireVsCodeApi();
const kept = (host.getState() ?? {}) as Partial<Kept>;

export const VIEWS: readonly ViewName[] = ['overview', 'layers', 'ranges', 'errors', 'fusions'];

export const state = signal<InspectorState | null>(null);
export const view = signal<ViewName>(
  kept.view && VIEWS.includes(kept.view) ? kept.view : 'overview',
);
export const selected = signal<string | null>(kept.selected ?? null);
export const query = signal('');
export const layerSort = signal<Sort>(kept.layerSort ?? null);
export const errorSort = signal<Sort>(kept.errorSort ?? null);
export const columns = signal<Kept['columns']>(kept.columns ?? {});
export const logY = signal(kept.logY ?? false);
/** Null: weights until there are activations to show. */
export const rangesPart = signal<RangesPart | null>(kept.rangesPart ?? null);
/** Columns that measuring the sensitivity of layers has filled. */
export const filledColumns = computed(() => sensitivityColumns(state.value?.sensitivity ?? null));
/** Which fusions are shown. */
export const fusionFilter = signal<FusionFilter>(
  kept.fusionFilter ?? { part: null, pattern: null },
);
/** A request of the page that failed. */
export const requestError = signal<ErrorData | null>(null);
/** Read aloud by screen readers, and shown for a moment in the footer. */
export const said = signal('');

/** Every layer in graph order. */
export const rows = computed(() => {
  const now = state.value;
  if (!now) return [];
  const { sensitivity, sensitivityWhen: when } = now;
  const changed = now.recipe.dirtySinceSensitivity || (when?.modelChanged ?? false);
  const measurement = sensitivity && { report: sensitivity, when, changed };
  return joinRows(now.summary, now.result, now.recipe.kept, measurement);
});
export const byName = computed(() => new Map(rows.value.map((row) => [row.name, row])));
export const selectedRow = computed(() => byName.value.get(selected.value ?? '') ?? null);
const found = computed(() => {
  const text = query.value.trim();
  return text ? rows.value.filter((row) => matches(row, text)) : rows.value;
});
/** Rows of the Layers and of the Errors table as they stand there. */
export const layerRows = computed(() => sortRows(found.value, layerSort.value));
export const errorRows = computed(() => sortRows(found.value, errorSort.value));
/** The order in which ↑ and ↓ walk: that of the rows in sight. */
export const walk = computed(() => {
  if (view.value === 'layers') return layerRows.value;
  if (view.value === 'errors') return errorRows.value;
  return rows.value;
});
/** Width of the view in pixels, without the panel. */
export const viewWidth = signal(1000);
export const busy = computed(() => state.value?.job != null);
/** Nothing may run: not trusted, something runs already, or the model could not be read. */
export const locked = computed(() => {
  const now = state.value;
  return busy.value || now?.trusted === false || (now?.summary == null && now?.failure != null);
});

export const rpc = new Rpc(host, (event) => {
  switch (event.type) {
    case 'state':
      merge(event.state);
      break;
    case 'select':
      selected.value = event.layer;
      break;
    case 'view':
      view.value = event.view;
      break;
  }
});

/** Takes a part of the host's state. */
function merge(part: Partial<InspectorState>): void {
  batch(() => {
    if (part.language) language.value = part.language;
    if (part.job) requestError.value = null;
    // what was measured while somebody looks is shown the worst first; what comes back from disk is sorted as it was left
    if (part.sensitivity && state.value?.job) layerSort.value = sensitivitySort(part.sensitivity);
    if (state.value) state.value = { ...state.value, ...part };
  });
}

/** Asks the host for everything, then keeps the page's own state for next time. */
export async function start(): Promise<void> {
  window.addEventListener('message', (event) => rpc.receive(event.data));
  effect(() => {
    const now: Kept = {
      view: view.value,
      selected: selected.value,
      layerSort: layerSort.value,
      errorSort: errorSort.value,
      columns: columns.value,
      logY: logY.value,
      rangesPart: rangesPart.value,
      fusionFilter: fusionFilter.value,
    };
    host.setState(now);
  });
  effect(() => {
    document.documentElement.lang = language.value;
  });
  await load();
}

/** Pulls the whole state; an error takes the place of the page's contents. */
export async function load(): Promise<void> {
  requestError.value = null;
  try {
    const all = await rpc.request('ready', {});
    batch(() => {
      language.value = all.language;
      state.value = all;
    });
  } catch (error) {
    requestError.value = dataOf(error);
  }
}

function dataOf(error: unknown): ErrorData {
  if (error instanceof RequestError) return error.data;
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/** Sends a request whose failure stands in the view. */
async function send(request: Promise<unknown>): Promise<boolean> {
  requestError.value = null;
  try {
    await request;
    return true;
  } catch (error) {
    requestError.value = dataOf(error);
    return false;
  }
}

/** Selects a layer everywhere, here and in the editor. */
export function select(layer: string | null): void {
  if (selected.value === layer) return;
  selected.value = layer;
  void rpc.request('select', { layer }).catch(() => undefined);
}

/** Shows a layer in a view. */
export function show(where: ViewName, layer?: string): void {
  view.value = where;
  if (layer !== undefined) select(layer);
}

/** Runs one of the host's commands. */
export function act(action: InspectorAction, layer?: string): void {
  void send(rpc.request('action', layer === undefined ? { action } : { action, layer }));
}

/** Keeps layers in FP32, or quantizes them again. */
export function keep(layers: string[], on: boolean): void {
  if (!locked.value) void send(rpc.request('keep', { layers, keep: on }));
}

/** Takes a plan of mixed precision into the recipe. */
export function takePlan(choices: PlannedLayer[]): void {
  if (!locked.value) void send(rpc.request('takePlan', { choices }));
}

/** Puts text on the clipboard and says so. */
export async function copy(text: string, what: string): Promise<void> {
  if (await send(rpc.request('copy', { text, what }))) announce(t('copied', { what }));
}

let quiet: ReturnType<typeof setTimeout> | undefined;
/** Says something briefly, aloud and in the footer. */
export function announce(text: string): void {
  said.value = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => (said.value = ''), 3000);
}
