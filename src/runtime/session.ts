/** Sessions of onnxruntime-node. `run` blocks its thread: use them in the worker process only. */
import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { VernierError } from '../errors';
import { toHalfArray } from '../numeric';
import type { Feed, TensorData, TensorValue } from '../onnx';

// The runtime's library for Linux reports to its maker where it finds a network, unless it is told not to before its first
// session. Nothing of what people do here leaves their machine.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** What a session is for decides its threads: measuring what users ship, or crunching samples. */
export interface SessionSettings {
  /** Intra-op threads; 0 leaves it to the runtime. Default 1: sessions that spin slow each other down. */
  threads?: number;
  optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Where the runtime writes the graph that it executes. */
  optimizedModelPath?: string;
  /** Name of the file beside it that takes its weights; without one they go into the graph's own file. */
  optimizedDataFile?: string;
  /** Folder against which data files of a model given as bytes resolve. */
  externalFolder?: string;
  /**
   * False: weights stay as the file has them. Those in data files are then mapped and take no memory of their own, and kernels
   * that would rearrange them run slower, with other rounding in the last bits. Default true, as users run it.
   */
  prepack?: boolean;
  /** Prefix of the profile's file. */
  profilePrefix?: string;
  /** The runtime's names of optimizers that it shall leave out; a name that it does not know changes nothing. */
  withoutOptimizers?: readonly string[];
}

/** Version of the runtime, e.g. `1.30.0`. */
export function runtimeVersion(): string {
  return env.versions.node ?? env.versions.common;
}

/** A loaded model that can run. Release it when done: native memory is not collected. */
export class Session {
  private readonly endings: (() => Promise<void>)[] = [];

  private constructor(
    private readonly inner: InferenceSession,
    readonly inputs: readonly string[],
    /** All outputs; what is no tensor (a sequence, a map, an optional) cannot be fetched. */
    readonly outputs: readonly string[],
    private readonly halves: ReadonlySet<string>,
  ) {}

  /** Names of the outputs that are tensors: the binding gives no others. */
  get tensorOutputs(): string[] {
    const { outputMetadata } = this.inner;
    return outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  }

  /** Loads a model from its bytes or file. Throws `model.does-not-load` with the runtime's own words. */
  static async open(model: Uint8Array | string, settings: SessionSettings = {}): Promise<Session> {
    const options: InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      intraOpNumThreads: settings.threads ?? 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: settings.optimization ?? 'all',
      logSeverityLevel: 4,
    };
    if (settings.optimizedModelPath) options.optimizedModelFilePath = settings.optimizedModelPath;
    if (settings.profilePrefix) {
      options.enableProfiling = true;
      options.profileFilePrefix = settings.profilePrefix;
    }
    const session = {
      ...(settings.optimizedDataFile === undefined
        ? {}
        : {
            optimized_model_external_initializers_file_name: settings.optimizedDataFile,
            optimized_model_external_initializers_min_size_in_bytes: '1024',
          }),
      ...(settings.externalFolder === undefined
        ? {}
        : { model_external_initializers_file_folder_path: settings.externalFolder }),
      ...(settings.prepack === false ? { disable_prepacking: '1' } : {}),
    };
    const extra = {
      ...(Object.keys(session).length > 0 ? { session } : {}),
      ...(settings.withoutOptimizers?.length
        ? { optimization: { disable_specified_optimizers: settings.withoutOptimizers.join(';') } }
        : {}),
    };
    if (Object.keys(extra).length > 0) options.extra = extra;
    try {
      const inner =
        typeof model === 'string'
          ? await InferenceSession.create(model, options)
          : await InferenceSession.create(model, options);
      const halves = inner.inputMetadata.filter((v) => v.isTensor && v.type === 'float16');
      const names = new Set(halves.map((v) => v.name));
      return new Session(inner, inner.inputNames, inner.outputNames, names);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new VernierError(
        'model.does-not-load',
        `onnxruntime does not load the model: ${text}`,
        {
          ...(typeof model === 'string' ? { file: model } : {}),
          ...nodeIn(text),
          remedy: 'Open it with onnxruntime in Python to see whether it ever loaded.',
        },
      );
    }
  }

  /**
   * The same values in the types that this model takes, where these are float16 and the data is float32: the data of a
   * float32 model serves its float16 form too.
   */
  fit(feed: Feed): Feed {
    if (this.halves.size === 0) return feed;
    const narrow = Object.entries(feed).filter(
      ([name, value]) => this.halves.has(name) && value.type === 'float32',
    );
    if (narrow.length === 0) return feed;
    const fitted = narrow.map(([name, value]): [string, TensorValue] => [
      name,
      { ...value, type: 'float16', data: toHalfArray(value.data as Float32Array) },
    ]);
    return { ...feed, ...Object.fromEntries(fitted) };
  }

  /**
   * Runs once, on data that {@link fit} makes fit.
   * @param fetch names of the outputs wanted, by default all that are tensors
   * @param into what an earlier run on data of the same shapes gave, to be written over: many large arrays would keep the
   * collector busy
   */
  async run(
    feed: Feed,
    fetch?: readonly string[],
    into: Readonly<Record<string, TensorValue>> = {},
  ): Promise<Record<string, TensorValue>> {
    const fitted = this.fit(feed);
    for (const name of this.inputs)
      if (!fitted[name])
        throw new VernierError(
          'data.missing-input',
          `The data has no values for input '${name}'.`,
          {
            tensor: name,
            remedy: `Give an array named '${name}'.`,
          },
        );
    const wanted = fetch ? [...fetch] : this.tensorOutputs;
    if (wanted.length === 0) throw noTensor(this.outputs[0]);
    let results: Awaited<ReturnType<InferenceSession['run']>>;
    try {
      const feeds = Object.fromEntries(this.inputs.map((name) => [name, toOrt(fitted[name]!)]));
      const fetches = wanted.map((name) => [name, into[name] ? toOrt(into[name]) : null] as const);
      results = await this.inner.run(feeds, Object.fromEntries(fetches));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new VernierError('model.does-not-run', `onnxruntime stopped: ${text}`, {
        ...nodeIn(text),
        remedy: 'Check the shapes and types of the data against the inputs of the model.',
      });
    }
    const out: Record<string, TensorValue> = {};
    for (const [name, tensor] of Object.entries(results)) {
      if (tensor instanceof Tensor) out[name] = fromOrt(tensor);
    }
    return out;
  }

  async release(): Promise<void> {
    await this.inner.release();
    for (const end of this.endings.splice(0)) await end();
  }

  /** Does this, too, once the session is released: what it used is free then. */
  onRelease(end: () => Promise<void>): void {
    this.endings.push(end);
  }

  /** Ends profiling; the file lies where `profilePrefix` said. */
  endProfiling(): void {
    this.inner.endProfiling();
  }
}

/** The node that the runtime names in its message. */
function nodeIn(text: string): { node?: string } {
  const name = /\bName: ?'([^']+)'|\bnode with name '([^']+)'|\bNode ?\(([^()]+)\)/.exec(text);
  const node = name?.slice(1).find((part) => part !== undefined);
  return node === undefined ? {} : { node };
}

/** Its native part ends the process over outputs of other kinds instead of refusing them. */
function noTensor(output: string | undefined): VernierError {
  return new VernierError(
    'model.does-not-run',
    'No output of the model is a tensor, and onnxruntime-node returns nothing else.',
    {
      ...(output === undefined ? {} : { tensor: output }),
      remedy: 'Export the model with a tensor as its output (scikit-learn: zipmap=False).',
    },
  );
}

/** The array that the binding wants and gives for float16 where JavaScript has one; else it is the bits. */
const { Float16Array: HalfArray } = globalThis as {
  Float16Array?: new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayBufferView;
};

/** Makes the runtime's tensor; values are shared, not copied. Throws for types that the binding cannot carry. */
function toOrt({ type, data, dims }: TensorValue): Tensor {
  const values =
    type === 'float16' && HalfArray
      ? new HalfArray(data.buffer, data.byteOffset, data.length)
      : data;
  return new Tensor(type as Tensor.Type, values as Tensor.DataType, dims);
}

function fromOrt({ type, dims, data }: Tensor): TensorValue {
  if (type !== 'float16') return { type, dims, data: data as TensorData };
  const { buffer, byteOffset, byteLength } = data as Uint16Array;
  return { type, dims, data: new Uint16Array(buffer, byteOffset, byteLength / 2) };
}
