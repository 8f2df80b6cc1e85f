/**
 * Everything the inspector's page and the extension host say to each other. Read it top to bottom and you
 * know the product. The page *pulls* what is large (`ranges`, `weights`); the host pushes only summaries.
 */
import type { ErrorData } from './errors';
import type { MixedPrecision, PlannedLayer } from './results-mixed';
import type { SensitivityReport } from './results-sensitivity';
import type {
  FusionMeasurement,
  ModelSummary,
  Progress,
  RangeDetail,
  RunResult,
  WeightDetail,
} from './results';

export type * from './results';
export type * from './results-mixed';
export type * from './results-sensitivity';
export type { ErrorData } from './errors';

export type ViewName = 'overview' | 'layers' | 'ranges' | 'errors' | 'fusions';

/** What the recipe of the opened model says now (it may be newer than the result). */
export interface RecipeState {
  /** Path relative to the workspace, for people. */
  path: string;
  exists: boolean;
  /** Layers that `keep_fp32` keeps now. */
  kept: string[];
  calibrationSource: string | null;
  random: boolean;
  target: string;
  mode: string;
  /** The mode reads ranges from calibration data. */
  calibrates: boolean;
  /** The recipe differs from the one behind `result`. */
  dirtySinceResult: boolean;
  /** It differs from the one behind `mixed` in more than the layers that plans take out of INT8. */
  dirtySincePlans: boolean;
  /** It differs from the one behind `sensitivity`. */
  dirtySinceSensitivity: boolean;
  /** One-based line of `keep_fp32:` or of the layer's entry, by layer name. */
  lines: Record<string, number>;
}

/** Of what is kept beside the recipe: when it was found, and whether the model's file was written since. */
export interface FoundWhen {
  /** ISO time. */
  finishedAt: string;
  modelChanged: boolean;
}

/** The whole state of an inspector; sent when it opens and whenever a part changes. */
export interface InspectorState {
  fileName: string;
  /** Null while it is being read. */
  summary: ModelSummary | null;
  result: RunResult | null;
  recipe: RecipeState;
  /** The last plans of mixed precision that were tried, without the times of single nodes. */
  mixed: MixedPrecision | null;
  mixedWhen: FoundWhen | null;
  /** What quantizing each layer does to the outputs, where that was measured by itself. */
  sensitivity: SensitivityReport | null;
  sensitivityWhen: FoundWhen | null;
  /** What fusing gains, where it was measured. */
  gains: FusionMeasurement | null;
  gainsWhen: FoundWhen | null;
  /** What is running on this model now. */
  job: { title: string; progress: Progress | null } | null;
  /** The last failure; it stands beside the last good result. */
  failure: ErrorData | null;
  trusted: boolean;
  /** BCP 47 tag of the editor's language, e.g. `en`, `zh-cn`. */
  language: string;
}

/** Actions of the page that the host carries out through its commands. */
export type InspectorAction =
  | 'quantize'
  | 'calibrate'
  | 'compare'
  | 'openRecipe'
  | 'chooseMode'
  | 'measureModes'
  | 'planMixed'
  | 'measureSensitivity'
  | 'findBest'
  | 'measureFusions'
  | 'chooseTarget'
  | 'dequantize'
  | 'exportReport'
  | 'cancel';

/** Requests of the page, by method: parameters and answer. Every one ends in a result or an error. */
export interface FromWebview {
  ready(params: Record<string, never>): InspectorState;
  action(params: { action: InspectorAction; layer?: string }): null;
  /** Keep layers in FP32 or quantize them again; edits the recipe, then re-quantizes. */
  keep(params: { layers: string[]; keep: boolean }): null;
  /** Takes a plan of mixed precision into the recipe, in place of another one of the same search, then re-quantizes. */
  takePlan(params: { choices: PlannedLayer[] }): null;
  /** Activation statistics of one tensor. */
  range(params: { tensor: string }): RangeDetail;
  /** Weights of one layer. */
  weights(params: { layer: string }): WeightDetail;
  /** The page's selection, so that the editor can follow. */
  select(params: { layer: string | null }): null;
  /** Put text (a table as CSV, a load line) on the clipboard. */
  copy(params: { text: string; what: string }): null;
  /** A CSP violation or an uncaught error in the page: goes to the output channel. */
  report(params: { kind: 'csp' | 'error'; text: string }): null;
}

/** Events that the host pushes. */
export type ToWebview =
  | { type: 'state'; state: Partial<InspectorState> }
  | { type: 'select'; layer: string | null }
  | { type: 'view'; view: ViewName };

export type RequestMessage = {
  [M in keyof FromWebview]: {
    kind: 'request';
    id: number;
    method: M;
    params: Parameters<FromWebview[M]>[0];
  };
}[keyof FromWebview];

export type ResponseMessage =
  | { kind: 'response'; id: number; ok: unknown }
  | { kind: 'response'; id: number; error: ErrorData };

export type EventMessage = { kind: 'event'; event: ToWebview };

/** Data of the notebook renderer's mime type (`application/vnd.vernier.result+json`). */
export interface NotebookResultData {
  summary: ModelSummary | null;
  result: RunResult;
}
