/** Codes of everything that can go wrong on the way from a file to a verdict. Tests assert these, never prose. */
export type ErrorCode =
  // the model's file
  | 'model.not-found'
  | 'model.not-onnx'
  | 'model.other-format'
  | 'model.truncated'
  | 'model.bad-utf8'
  | 'model.cycle'
  | 'model.missing-initializer'
  | 'model.duplicate-output'
  | 'model.bad-dims'
  | 'model.bad-tensor'
  | 'model.changed'
  | 'model.nan-weight'
  | 'model.external-missing'
  | 'model.external-short'
  | 'model.external-outside'
  | 'model.unsupported-opset'
  | 'model.unsupported-op'
  | 'model.unsupported-type'
  | 'model.nothing-to-quantize'
  | 'model.not-fixed-point'
  | 'model.already-quantized'
  | 'model.not-quantized'
  | 'model.does-not-load'
  | 'model.does-not-run'
  // data
  | 'data.not-found'
  | 'data.empty'
  | 'data.bad-format'
  | 'data.bad-image'
  | 'data.wrong-shape'
  | 'data.wrong-type'
  | 'data.missing-input'
  | 'data.not-finite'
  | 'data.labels'
  | 'data.ragged'
  | 'data.open-shape'
  | 'data.statistics-key'
  | 'data.statistics-overlap'
  | 'data.statistics-missing'
  // a metric of the user's own
  | 'metric.not-found'
  | 'metric.does-not-load'
  | 'metric.contract'
  | 'metric.throws'
  | 'metric.bad-score'
  // the recipe and the command line
  | 'recipe.syntax'
  | 'recipe.schema'
  | 'recipe.not-found'
  | 'recipe.unsupported'
  | 'recipe.overwrites-model'
  | 'recipe.overwrites-file'
  | 'cli.usage'
  // running
  | 'job.cancelled'
  | 'job.worker-died'
  | 'job.busy'
  | 'job.disk-full'
  | 'job.io'
  | 'job.untrusted'
  | 'job.kept-layer-quantized'
  | 'job.breaks-target-rules'
  | 'job.flawed-graph'
  | 'limits.not-met'
  | 'internal';

/** Where an error is, and what its user can do about it. */
export interface ErrorPlace {
  file?: string;
  node?: string;
  tensor?: string;
  /** One-based line in a text file. */
  line?: number;
  /** What to do next, as an imperative sentence. */
  remedy?: string;
}

/** The same as plain data: what crosses processes and stands in `--json`. */
export interface ErrorData extends ErrorPlace {
  code: ErrorCode;
  message: string;
}

/** An error with a code, a place and a remedy; everything else that is thrown is a bug of ours (`internal`). */
export class VernierError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly place: ErrorPlace = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'VernierError';
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, ...this.place };
  }

  static fromData(data: ErrorData): VernierError {
    const { code, message, ...place } = data;
    return new VernierError(code, message, place);
  }
}

/** Any thrown value as data; what is not a {@link VernierError} becomes `internal` with its message kept. */
export function toErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof VernierError) return thrown.toData();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if ((thrown as NodeJS.ErrnoException | null)?.code === 'ENOSPC')
    return { code: 'job.disk-full', message, remedy: 'Free some space and run it again.' };
  return { code: 'internal', message };
}
