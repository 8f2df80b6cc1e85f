/**
 * What the client (command line, editor) and the worker process say to each other. Messages carry summaries
 * only; bulk data stays in files under `.vernier/`. Every request ends in one `done` or one `failed`.
 */
import type { ErrorData } from '../errors';
import type { RangeFormat } from '../quantize/ranges';
import type { DequantizeRequest } from './dequantize';
import type { DiffRequest } from './diff';
import type { FusionsRequest } from './fusions';
import type { WrittenFile } from './written-file';
import type {
  CalibrateResult,
  CheckResult,
  DequantizeResult,
  DiffResult,
  FusionReport,
  MergeResult,
  Mode,
  ModeChoice,
  ModelSummary,
  Progress,
  RangeDetail,
  RunResult,
  SearchResult,
  SensitivityStage,
  Target,
  WeightDetail,
} from '../results';
import type { MixedPrecision } from '../results-mixed';
import type { SensitivityMeasure, SensitivityReport } from '../results-sensitivity';

/** How far a run goes. Each includes the ones before it. */
export type RunUntil = 'calibrate' | 'quantize' | 'evaluate' | 'all';

/** What every request for a recipe names. */
export interface RecipeRequest {
  /** Absolute path of the recipe; relative paths in it start here. It need not exist when `text` is given. */
  recipePath: string;
  /** The recipe's text where it is not (or not yet) what the file says: unsaved editors, notebooks, flags. */
  text?: string;
  /** Milliseconds of work after which what is under way is stored; 800 by default. */
  saveEveryMs?: number;
  /** Files that whoever asks makes of the answer: refused like the job's own where they would overwrite what it reads. */
  writes?: readonly WrittenFile[];
}

export interface RunRequest extends RecipeRequest {
  /** `all` by default. `evaluate` leaves out sensitivity and latency. */
  until?: RunUntil;
}

export interface CalibrateRequest extends RecipeRequest {
  /** The `index`-th of `of` parts of the samples alone, from 1 on; all of them by default. */
  shard?: { index: number; of: number };
  /** Where the statistics go; into no file of their own by default. A shard needs one. */
  statistics?: string;
  /** Files of ranges to write. */
  exports?: readonly { format: RangeFormat; file: string }[];
}

export interface PlanRequest extends RecipeRequest {
  /** Layers that a plan may take out of INT8 at most; 8 by default. */
  layers?: number;
  /** Seconds after which the best so far is given; 120 by default. */
  budgetSeconds?: number;
  /** False: plans are not timed. */
  timed?: boolean;
}

export interface SensitivityRequest extends RecipeRequest {
  /** How far it goes; what the recipe says by default. */
  stage?: SensitivityStage;
  /** What layers are compared by; `sqnr` by default. */
  measure?: SensitivityMeasure;
  /** With `measure: 'metric'`: the loudest layers of which it is evaluated; 5 by default. */
  top?: number;
  /** Seconds after which the best so far is given; 120 by default. */
  budgetSeconds?: number;
}

export interface SearchRequest extends RecipeRequest {
  /** Seconds over all times that this search runs; 300 by default. */
  budgetSeconds?: number;
}

export interface ChooseRequest extends RecipeRequest {
  /** Those of `mode: auto` by default. */
  modes?: readonly Mode[];
}

export interface Requests {
  /** What the file alone says; with `runtime: false` nothing at all is run (untrusted workspaces). */
  inspect(params: { model: string; runtime?: boolean }): ModelSummary;
  /** A file by the rules of a target. */
  check(params: { model: string; target: Target }): CheckResult;
  /** What of a file runs as one, by the runtime's own graph; writes nothing. */
  fusions(params: FusionsRequest): FusionReport;
  /** Runs a recipe; `partial` results and progress stream while it works. */
  run(params: RunRequest): RunResult;
  /** Calibrates and nothing else, on all samples or on a part of them; writes statistics and ranges where asked. */
  calibrate(params: CalibrateRequest): CalibrateResult;
  /** Merges files of statistics. */
  merge(params: { files: readonly string[]; output: string }): MergeResult;
  /** Two models side by side; writes nothing. */
  diff(params: DiffRequest): DiffResult;
  /** Writes a float model of a quantized one. */
  dequantize(params: DequantizeRequest): DequantizeResult;
  /** Measures modes of a recipe's model against FP32 on this machine; writes no model. */
  choose(params: ChooseRequest): ModeChoice;
  /** How sensitive the outputs are to every layer; writes no model. */
  sensitivity(params: SensitivityRequest): SensitivityReport;
  /** Looks for the best quantization within a time; writes no model. */
  search(params: SearchRequest): SearchResult;
  /** Looks for layers to take out of INT8, by trying plans; writes no model. */
  plan(params: PlanRequest): MixedPrecision;
  /** Statistics of one tensor from the calibration of this recipe. */
  range(params: { recipePath: string; text?: string; tensor: string }): RangeDetail;
  /** Weights of one layer (after folding), with the scales of the last written model if there is one. */
  weights(params: { model: string; layer: string }): WeightDetail;
}

export type ToWorker = {
  [M in keyof Requests]: { id: number; method: M; params: Parameters<Requests[M]>[0] };
}[keyof Requests];

export type FromWorker =
  | { id: number; kind: 'progress'; progress: Progress }
  | { id: number; kind: 'partial'; result: RunResult }
  /** A file that must not stay behind if the worker is killed before the request ends. */
  | { id: number; kind: 'temporary'; file: string }
  | { id: number; kind: 'done'; value: unknown }
  | { id: number; kind: 'failed'; error: ErrorData };
