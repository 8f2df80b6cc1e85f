/** The worker process: the only one that loads the runtime and weights. One request at a time. */
import { inspectModel } from '../analyze/inspect';
import { weightDetail } from '../analyze/weight-detail';
import { toErrorData, VernierError } from '../errors';
import type {
  CalibrateResult,
  CheckResult,
  ModeChoice,
  ModelSummary,
  RunResult,
  SearchResult,
} from '../results';
import type { MixedPrecision } from '../results-mixed';
import type { SensitivityReport } from '../results-sensitivity';
import { calibrateRecipe } from './calibrate';
import { checkModel } from './check';
import { chooseRecipe } from './choose';
import type { JobHooks } from './context';
import { dequantizeFile } from './dequantize';
import { diffFiles } from './diff';
import { fusionReport } from './fusions';
import { rangeDetail } from './details';
import { Memory } from './memory';
import { planRecipe } from './mixed';
import { mergeFiles } from './merge';
import type { FromWorker, Requests, ToWorker } from './protocol';
import { runRecipe } from './run';
import { searchRecipe } from './search';
import { sensitivityOf } from './sensitivity';
import { LATENCY_FLAG, serveLatency } from './stages/latency';

type Handlers = {
  [M in keyof Requests]: (
    params: Parameters<Requests[M]>[0],
    id: number,
  ) => Promise<ReturnType<Requests[M]>>;
};

function serve(): void {
  const memory = new Memory();
  const post = (message: FromWorker) => process.send?.(message);
  const hooks = (id: number): JobHooks => ({
    progress: (progress) => post({ id, kind: 'progress', progress }),
    partial: (result) => post({ id, kind: 'partial', result }),
    temporary: (file) => post({ id, kind: 'temporary', file }),
  });
  const handlers: Handlers = {
    check: ({ model, target }): Promise<CheckResult> => checkModel(model, target),
    fusions: (request, id) => fusionReport(request, hooks(id), __filename),
    inspect: ({ model, runtime = true }): Promise<ModelSummary> => inspectModel(model, { runtime }),
    choose: (request, id): Promise<ModeChoice> =>
      chooseRecipe(request, memory, hooks(id), __filename),
    plan: (request, id): Promise<MixedPrecision> =>
      planRecipe(request, memory, hooks(id), __filename),
    sensitivity: (request, id): Promise<SensitivityReport> =>
      sensitivityOf(request, memory, hooks(id)),
    search: (request, id): Promise<SearchResult> =>
      searchRecipe(request, memory, hooks(id), __filename),
    calibrate: (request, id): Promise<CalibrateResult> =>
      calibrateRecipe(request, memory, hooks(id), __filename),
    merge: ({ files, output }) => mergeFiles(files, output),
    range: ({ recipePath, tensor, text }) => rangeDetail(recipePath, tensor, text),
    diff: (request, id) => diffFiles(request, memory, hooks(id), __filename),
    dequantize: (request, id) => dequantizeFile(request, (file) => hooks(id).temporary?.(file)),
    weights: ({ model, layer }) => weightDetail(model, layer),
    run: (request, id): Promise<RunResult> => runRecipe(request, memory, hooks(id), __filename),
  };
  // One after the other: the runtime owns the thread while it works.
  let queue = Promise.resolve();
  process.on('message', (message: ToWorker) => {
    queue = queue.then(() => answer(message, handlers, post));
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(
  { id, method, params }: ToWorker,
  handlers: Handlers,
  post: (message: FromWorker) => void,
): Promise<void> {
  try {
    const handler = handlers[method] as (params: unknown, id: number) => Promise<unknown>;
    if (!handler) throw new VernierError('internal', `The worker has no method '${method}'.`);
    post({ id, kind: 'done', value: await handler(params, id) });
  } catch (error) {
    if (!(error instanceof VernierError))
      process.stderr.write(`${String((error as Error)?.stack ?? error)}\n`);
    post({ id, kind: 'failed', error: toErrorData(error) });
  }
}

if (process.argv.includes(LATENCY_FLAG)) serveLatency();
else serve();
