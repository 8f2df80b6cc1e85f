import type { Listener } from '../../jobs/client';
import type { Kept, KeptValues } from '../../jobs/kept';
import type { Requests } from '../../jobs/protocol';
import type { PlannedLayer, RecipeState } from '../../protocol';
import type { ModelSummary, RunResult } from '../../results';

/** A worker process, as a session sees it. */
export interface JobRunner {
  request<M extends keyof Requests>(
    method: M,
    params: Parameters<Requests[M]>[0],
    listener?: Listener,
  ): Promise<ReturnType<Requests[M]>>;
}

/** The text of a recipe as it is now: what an editor holds, saved or not, before what the file holds. */
export interface RecipeText {
  /** Null if there is no such file. */
  text: string | null;
  /** The editor's text differs from the file's. */
  unsaved: boolean;
}

/** What a recipe's text is compared with and looked up in. */
export interface DescribeContext {
  summary: ModelSummary | null;
  result: RunResult | null;
  /** The text behind the result, where it ran in this window. */
  ranText: string | null;
  /** The text behind the plans of mixed precision, and all that they take out of INT8; null where there are none. */
  planned?: { text: string; choices: readonly PlannedLayer[] } | null;
  /** The text behind the sensitivity of layers; null where it was not measured. */
  measuredText?: string | null;
}

/** What a session needs of its surroundings; none of it is `vscode`, so that a unit test can stand in. */
export interface SessionPorts {
  /** Reads files; shared, and never kept busy by a run. */
  look: JobRunner;
  /** Runs recipes; of this session only, so that a cancel ends nobody else's work. */
  work: JobRunner;
  findRecipe(modelPath: string): Promise<string | null>;
  readRecipe(path: string): Promise<RecipeText>;
  readResult(recipePath: string): Promise<RunResult | null>;
  readKept<W extends keyof KeptValues>(
    recipePath: string,
    what: W,
  ): Promise<Kept<KeptValues[W]> | null>;
  /** Everything of {@link RecipeState} that the text says; `result` decides whether it is newer. */
  describeRecipe(path: string, text: string | null, context: DescribeContext): Promise<RecipeState>;
  log(message: string): void;
}
