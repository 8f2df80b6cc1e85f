import type { RunUntil } from '../../jobs/protocol';

/** A cell that has run: where it stands and the fragment that it was then. */
export interface CellRun {
  /** Stable while the cell is moved about. */
  id: string;
  text: string;
}

export type FigureName = 'layers' | 'ranges' | 'quantized' | 'verdict' | 'heatmap';

export interface CellPlan {
  /** Null: the model's file is enough, nothing runs. */
  until: RunUntil | null;
  /** What the cell shows, in this order. */
  show: FigureName[];
}

/** What the keys of a fragment ask for, in the order of a recipe. */
const asks: [RegExp, RunUntil | null, FigureName[]][] = [
  [/^(model|inputs|output|target)$/, null, ['layers']],
  [/^calibration$/, 'calibrate', ['ranges']],
  [/^quantization$/, 'quantize', ['quantized']],
  [/^(keep_fp32|layers|evaluate|limits|latency|sensitivity)$/, 'all', ['verdict', 'heatmap']],
];

/** How far a run has to go for this fragment, and what is worth showing of it. Unknown keys are the parser's affair. */
export function planCell(fragment: string): CellPlan {
  const keys = topLevelKeys(fragment);
  const asked = asks.filter(([key]) => keys.some((name) => key.test(name)));
  const last = asked[asked.length - 1];
  return { until: last?.[1] ?? null, show: asked.flatMap(([, , show]) => show) };
}

/** The keys at the left edge of a fragment. */
export function topLevelKeys(fragment: string): string[] {
  return [...fragment.matchAll(/^["']?([A-Za-z_][\w-]*)["']?[ \t]*:(?=\s|$)/gm)].flatMap(
    ([, key]) => key ?? [],
  );
}

/** A cell with nothing but comments and blank lines asks for nothing and changes nothing. */
export function isEmptyFragment(fragment: string): boolean {
  return fragment.split('\n').every((line) => /^\s*(#.*)?$/.test(line));
}

/**
 * The fragments that a cell adds up with: those of the cells that have run, in the order in which they ran,
 * and then its own. Where none of them names a model, the cells above that have not run come first: a
 * notebook that was just opened can be entered anywhere.
 */
export function fragmentsFor(
  ran: readonly CellRun[],
  above: readonly CellRun[],
  cell: CellRun,
): string[] {
  const before = ran.filter(({ id }) => id !== cell.id);
  const known = new Set([...before.map(({ id }) => id), cell.id]);
  const named = [...before, cell].some(({ text }) => topLevelKeys(text).includes('model'));
  const missing = named ? [] : above.filter(({ id }) => !known.has(id));
  return [...missing, ...before, cell]
    .map(({ text }) => text)
    .filter((text) => !isEmptyFragment(text));
}

/** What has run after this cell ran: a cell that runs again moves to the end. */
export function afterRun(ran: readonly CellRun[], cell: CellRun): CellRun[] {
  return [...ran.filter(({ id }) => id !== cell.id), cell];
}
