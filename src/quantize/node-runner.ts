import {
  GraphIndex,
  isDefaultDomain,
  makeNode,
  nodeReads,
  tensorBytes,
  type ElementType,
  type Feed,
  type Model,
  type NodeProto,
  type TensorData,
  type TensorValue,
} from '../onnx';
import type { QuantParams } from '../numeric';
import type { SessionSettings } from '../runtime/session';
import { openPiece, type Piece, type Rounding } from './node-piece';

export type { Rounding } from './node-piece';

/** A tensor of one sample; with `params` its data are codes of a quarter of the size. */
export interface Stored {
  type: ElementType;
  dims: readonly number[];
  data: TensorData;
  params?: QuantParams;
}

/** How one node runs. */
export interface NodeRun {
  /** Replaces a constant input. */
  weight?: { slot: number; values: Float32Array };
  /** The node reads rounded values where there are some. */
  takesCodes?: boolean;
  /** The mean of every channel (axis 1) of its first output is wanted, too. */
  means?: boolean;
  /** Outputs that come back as codes. */
  round?: ReadonlyMap<string, Rounding>;
}

/** What one node gave. */
export interface NodeResult {
  /** `[output][sample]`. */
  outputs: Stored[][];
  /** `[sample]`, one value per channel; empty where they were not asked for. */
  means: Float32Array[];
}

/** Where a {@link NodeRunner} stands; nothing in it changes later. */
export interface RunnerState {
  values: ReadonlyMap<string, Stored[]>;
  rounded: ReadonlyMap<string, Stored[]>;
  shifts: ReadonlyMap<string, { axis: number; values: Float32Array }>;
  readersLeft: ReadonlyMap<string, number>;
}

/** Samples that run as one batch, where the operator allows that: a call costs about 0.1 ms. */
const TOGETHER = 4;
/** Operators that treat the first axis of what they read as so many independent parts. */
const BATCHED = new Set([
  ...['Conv', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Relu', 'Clip'],
  ...['LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish', 'Elu', 'Identity', 'Erf'],
]);
/** One session at a time, and nothing beside it: a second thread costs no other. */
const THREADS = 2;
/** Of nodes that read fewer bytes, starting and ending a second thread takes longer than it saves: 2 ms. */
const ALONE_BYTES = 256 << 10;
/** Bytes of one tensor in a batch: more gains nothing. */
const BATCH_BYTES = 32 << 20;

/**
 * Runs a model one node at a time for all samples, so that what a node gives can be changed before others read
 * it. Tensors are forgotten after their last reader.
 */
export class NodeRunner {
  private values = new Map<string, Stored[]>();
  /** What readers that take codes see, where others see the exact value. */
  private rounded = new Map<string, Stored[]>();
  /** What readers add to a tensor: one value per channel. */
  private shifts = new Map<string, { axis: number; values: Float32Array }>();
  private readersLeft = new Map<string, number>();
  private readonly index: GraphIndex;

  /** @param settings of the sessions that run the nodes */
  constructor(
    private readonly model: Model,
    private readonly samples: readonly Feed[],
    private readonly settings: SessionSettings = {},
  ) {
    this.index = new GraphIndex(model.graph);
    for (const node of model.graph.node)
      for (const name of nodeReads(node))
        this.readersLeft.set(name, (this.readersLeft.get(name) ?? 0) + 1);
    for (const input of model.graph.input)
      this.values.set(
        input.name,
        samples.map((feed) => feed[input.name]!),
      );
  }

  /** Runs a node for every sample. A node that reads constants alone gives the same for all of them. */
  async run(node: NodeProto, settings: NodeRun = {}): Promise<NodeResult> {
    const reads = [...nodeReads(node)].filter((name) => !this.index.isConstant(name));
    const inputs = new Map(
      reads.map((name) => [
        name,
        (settings.takesCodes ? this.rounded.get(name) : undefined) ?? this.values.get(name) ?? [],
      ]),
    );
    const samples = inputs.size > 0 ? inputs.values().next().value!.length : this.samples.length;
    const result: NodeResult = { outputs: node.output.map(() => []), means: [] };
    if (samples === 0) return result;
    const piece = await this.open(node, settings, inputs);
    const step = batchSize(node, inputs);
    try {
      for (let from = 0; from < samples; from += step) {
        const count = Math.min(step, samples - from);
        const feed: Record<string, TensorValue> = {};
        for (const [name, values] of inputs) feed[name] = joined(values.slice(from, from + count));
        const values = await piece.session.run(feed);
        node.output.forEach((name, k) => {
          if (name === '') return;
          const params = settings.round?.get(name)?.params;
          for (const value of split(values[piece.outputs.get(name)!]!, count))
            result.outputs[k]!.push(params ? { ...value, params } : value);
        });
        if (piece.means !== null)
          for (const { data } of split(values[piece.means]!, count))
            result.means.push(data as Float32Array);
      }
    } finally {
      await piece.session.release();
    }
    return result;
  }

  /** What a node reads, `[slot][sample]`; undefined for constants and slots that are left out. */
  inputsOf(node: NodeProto): (readonly Stored[] | undefined)[] {
    return node.input.map((name) => this.values.get(name));
  }

  /** Keeps outputs for their readers and forgets inputs that have no reader left. */
  store(node: NodeProto, outputs: Stored[][]): void {
    node.output.forEach((name, k) => {
      if (this.isRead(name)) this.values.set(name, outputs[k]!);
    });
    for (const name of nodeReads(node)) {
      const left = (this.readersLeft.get(name) ?? 1) - 1;
      this.readersLeft.set(name, left);
      if (left > 0) continue;
      this.values.delete(name);
      this.rounded.delete(name);
      this.shifts.delete(name);
    }
  }

  /** Where it stands, to go on from there another time ({@link resume}). */
  state(): RunnerState {
    const { values, rounded, shifts, readersLeft } = this;
    return {
      values: new Map(values),
      rounded: new Map(rounded),
      shifts: new Map(shifts),
      readersLeft: new Map(readersLeft),
    };
  }

  /** Stands where another runner of the same model and samples stood. */
  resume({ values, rounded, shifts, readersLeft }: RunnerState): void {
    this.values = new Map(values);
    this.rounded = new Map(rounded);
    this.shifts = new Map(shifts);
    this.readersLeft = new Map(readersLeft);
  }

  /** True for tensors that some node still reads. */
  isRead(tensor: string): boolean {
    return tensor !== '' && (this.readersLeft.get(tensor) ?? 0) > 0;
  }

  /** Adds a value per channel along `axis` to a tensor, for all of its readers. */
  shift(tensor: string, axis: number, values: Float32Array): void {
    this.shifts.set(tensor, { axis, values });
  }

  /** Rounds a stored tensor: for all of its readers, or only for those that take codes. */
  async round(tensor: string, rounding: Rounding, forAll: boolean): Promise<void> {
    const values = this.values.get(tensor);
    if (!values || values[0]?.type !== 'float32') return;
    const node = identity(tensor);
    const { outputs } = await this.run(node, { round: new Map([[node.output[0]!, rounding]]) });
    (forAll ? this.values : this.rounded).set(tensor, outputs[0]!);
    if (forAll) this.shifts.delete(tensor);
  }

  private open(
    node: NodeProto,
    { weight, means, round }: NodeRun,
    inputs: ReadonlyMap<string, readonly Stored[]>,
  ): Promise<Piece> {
    return openPiece(this.model, this.index, node, {
      inputs: new Map(
        [...inputs].map(([name, values]) => {
          const { type, dims, params } = values[0]!;
          // what is rounded was shifted before
          const shift = params ? undefined : this.shifts.get(name);
          return [name, { type, rank: dims.length, params, shift }];
        }),
      ),
      weight,
      means: means === true,
      round: round ?? new Map<string, Rounding>(),
      session: { threads: this.threadsFor(node, inputs), ...this.settings },
    });
  }

  private threadsFor(node: NodeProto, inputs: ReadonlyMap<string, readonly Stored[]>): number {
    let bytes = 0;
    for (const [first] of inputs.values()) bytes += first!.data.byteLength;
    for (const name of nodeReads(node)) {
      const constant = this.index.initializer(name);
      if (constant) bytes += tensorBytes(constant);
    }
    return bytes < ALONE_BYTES ? 1 : THREADS;
  }
}

function identity(tensor: string): NodeProto {
  return makeNode({ opType: 'Identity', inputs: [tensor], outputs: [`${tensor} rounded`] });
}

/** How many samples run at once. */
function batchSize(node: NodeProto, inputs: ReadonlyMap<string, readonly Stored[]>): number {
  if (!isDefaultDomain(node.domain) || !BATCHED.has(node.opType) || inputs.size !== 1) return 1;
  const values = inputs.values().next().value!;
  const { dims, data } = values[0]!;
  if (dims.length < 2 || data.byteLength === 0) return 1;
  if (!values.every((v) => v.dims.every((d, i) => d === dims[i]) && v.dims.length === dims.length))
    return 1;
  return Math.max(1, Math.min(TOGETHER, Math.floor(BATCH_BYTES / data.byteLength)));
}

/** Samples of equal shape one after the other along the first axis; without a copy where they lie so in memory. */
function joined(values: readonly Stored[]): TensorValue {
  const { type, dims, data: first } = values[0]!;
  if (values.length === 1) return { type, dims, data: first };
  const all = [dims[0]! * values.length, ...dims.slice(1)];
  const length = first.length * values.length;
  const Type = first.constructor as new (
    from: ArrayBufferLike | number,
    offset?: number,
    length?: number,
  ) => TensorData;
  const adjacent = values.every(
    ({ data }, i) =>
      data.buffer === first.buffer && data.byteOffset === first.byteOffset + i * first.byteLength,
  );
  if (adjacent) return { type, dims: all, data: new Type(first.buffer, first.byteOffset, length) };
  const data = new Type(length) as Float32Array;
  values.forEach((value, i) => data.set(value.data as Float32Array, i * first.length));
  return { type, dims: all, data };
}

/** The parts of a batch, as views. */
function split({ type, dims, data }: TensorValue, count: number): TensorValue[] {
  if (count === 1) return [{ type, dims, data }];
  const own = [dims[0]! / count, ...dims.slice(1)];
  const length = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    type,
    dims: own,
    data: data.subarray(i * length, (i + 1) * length),
  }));
}
