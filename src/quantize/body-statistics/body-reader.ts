import {
  GraphIndex,
  intAttribute,
  makeValueInfo,
  Model,
  constantsAround,
  ScopedIndex,
  tensorData,
  tensorDims,
  tensorType,
  untyped,
  valueType,
  type Feed,
  type TensorValue,
} from '../../onnx';
import { copyMessage } from '../../onnx/copy';
import { openModel } from '../../runtime/open-model';
import type { Session } from '../../runtime/session';
import type { SamplePart } from '../statistics-collector';
import type { StatisticsSink } from '../statistics-sink';
import { bodySteps, needsOf, type BodyStep } from './steps';
import { holds, scalar, scanOf } from './turns';

/** What the graphs around a turn have computed, by name; names are the same nowhere else in the model. */
type Values = Map<string, TensorValue>;

interface Opened {
  /** Null where nothing has to be computed. */
  session: Session | null;
  /** What the session returns. */
  fetch: string[];
}

/**
 * Reads tensors inside If, Loop and Scan, exactly and for every turn. A tap there is no output of the model, so each body
 * becomes a model of its own:
 * 1. The main graph runs as far as the bodies read it.
 * 2. A body runs once for each of its turns, on what it captures, its states and its part of the inputs; of an If the branch
 *    that is taken. Its states go into the next turn, and its values into the bodies inside it.
 * 3. All turns of a sample count as one sample; a tensor that a sample does not reach is not in its statistics.
 */
export class BodyReader {
  private readonly opened = new Map<BodyStep, Promise<Opened>>();

  private constructor(
    private readonly model: Model,
    private readonly steps: readonly BodyStep[],
    private readonly indexes: ScopedIndex,
    private readonly main: Opened,
  ) {}

  /** A reader of those of `tensors` that bodies define; null where none does. Throws `model.does-not-load`. */
  static async open(model: Model, tensors: readonly string[]): Promise<BodyReader | null> {
    const steps = bodySteps(model, tensors);
    if (steps.length === 0) return null;
    const indexes = new ScopedIndex(model.graph);
    const inputs = new Set(model.graph.input.map((v) => v.name));
    const needs = steps.flatMap((step) => needsOf(step, indexes.main));
    const fetch = [...new Set(needs)].filter((name) => !inputs.has(name));
    const session = fetch.length > 0 ? await openModel(upTo(model, fetch)) : null;
    return new BodyReader(model, steps, indexes, { session, fetch });
  }

  /** Runs one sample. Throws what running throws. */
  async read(feed: Feed, position: number, sink: StatisticsSink): Promise<void> {
    const values: Values = new Map(Object.entries(feed));
    const { session, fetch } = this.main;
    for (const [name, value] of Object.entries((await session?.run(feed, fetch)) ?? {}))
      values.set(name, value);
    for (const step of this.steps) await this.follow(step, values, position, sink);
  }

  async release(): Promise<void> {
    await this.main.session?.release();
    for (const opened of this.opened.values()) await (await opened).session?.release();
  }

  /** All turns that an owner makes of a body. */
  private async follow(
    step: BodyStep,
    values: Values,
    position: number,
    sink: StatisticsSink,
  ): Promise<void> {
    const { owner, graph, role, parent } = step.body;
    const around = this.indexes.of(parent);
    const given = (i: number) => this.valueOf(owner.input[i] ?? '', values, around);
    const turn = (inputs: readonly (TensorValue | undefined)[]) =>
      this.turn(step, inputs, values, position, sink);
    if (owner.opType === 'If') {
      if (holds(given(0)!) === (role === 'then_branch')) await turn([]);
      return;
    }
    if (owner.opType === 'Loop') {
      const count = given(0);
      const turns = count ? Number(count.data[0]) : Infinity;
      const first = given(1);
      let go = first ? holds(first) : true;
      let states = owner.input.slice(2).map((_, k) => given(k + 2));
      const [counterRank, goRank] = graph.input.map((v) => valueType(v).shape?.length ?? 0);
      for (let i = 0; i < turns && go; i++) {
        const inputs = [scalar(BigInt(i), counterRank ?? 0), scalar(go, goRank ?? 0), ...states];
        const results = await turn(inputs);
        go = holds(results[0]!);
        states = results.slice(1, 1 + states.length);
      }
      return;
    }
    const scanned = intAttribute(owner, 'num_scan_inputs', 0);
    const scan = scanOf(owner, scanned);
    const all = owner.input.map((_, k) => given(k));
    let states = all.slice(0, scan.states);
    const parts = all.slice(scan.states).map((v) => v!);
    const turns = parts.length > 0 ? scan.turns(parts[0]!, 0) : 0;
    for (let t = 0; t < turns; t++) {
      const slices = parts.map((value, k) => scan.part(value, k, t, turns));
      const results = await turn([...states, ...slices]);
      states = results.slice(0, states.length);
    }
  }

  /** One turn: returns what the body's outputs are, in order. */
  private async turn(
    step: BodyStep,
    inputs: readonly (TensorValue | undefined)[],
    values: Values,
    position: number,
    sink: StatisticsSink,
  ): Promise<(TensorValue | undefined)[]> {
    const { graph } = step.body;
    const feed: Record<string, TensorValue> = {};
    for (const [i, { name }] of graph.input.entries()) if (inputs[i]) feed[name] = inputs[i];
    for (const name of step.captured) feed[name] = values.get(name)!;
    const opened = this.opened.get(step) ?? this.openBody(step, feed);
    this.opened.set(step, opened);
    const { session, fetch } = await opened;
    const results = (await session?.run(feed, fetch)) ?? {};
    for (const [name, value] of [...Object.entries(feed), ...Object.entries(results)])
      values.set(name, value);
    const parts = step.wanted.flatMap(({ name, tensor }): SamplePart[] => {
      const value = values.get(name);
      // what is handed over is nobody else's any more, and the next turn reads some of it
      if (!(value?.data instanceof Float32Array)) return [];
      return [{ tensor, dims: value.dims, data: value.data.slice() }];
    });
    await sink.ready();
    sink.add(position, parts);
    for (const inner of step.inner) await this.follow(inner, values, position, sink);
    return graph.output.map(({ name }) => this.valueOf(name, values, step.index));
  }

  private valueOf(name: string, values: Values, index: GraphIndex): TensorValue | undefined {
    if (name === '') return undefined;
    const constant = index.initializer(name);
    if (!constant) return values.get(name);
    const data = tensorData(constant, this.model.dir);
    return { type: tensorType(constant), dims: tensorDims(constant), data };
  }

  /** A body as a model that takes what it reads from outside as inputs, of the types that the first turn has. */
  private async openBody(step: BodyStep, feed: Feed): Promise<Opened> {
    const { body, index, wanted, inner } = step;
    const graph = { ...body.graph };
    graph.initializer = [...graph.initializer, ...constantsAround(body, index)];
    graph.input = Object.entries(feed).map(([name, { type }]) => makeValueInfo(name, type, null));
    graph.valueInfo = [];
    const outputs = body.owner.opType === 'If' ? [] : body.graph.output.map((v) => v.name);
    const names = [
      ...outputs,
      ...wanted.map(({ name }) => name),
      ...inner.flatMap((each) => needsOf(each, index)),
    ];
    const fetch = [...new Set(names)].filter((name) => index.producer(name));
    if (fetch.length === 0) return { session: null, fetch };
    graph.output = fetch.map(untyped);
    const model = new Model({ ...this.model.proto, graph }, this.model.file, this.model.dir);
    return { session: await openModel(model), fetch };
  }
}

/** The main graph, without what these tensors do not need; it takes all inputs of the model. */
function upTo(model: Model, tensors: readonly string[]): Model {
  const graph = copyMessage(model.graph);
  graph.output = tensors.map(untyped);
  const index = new GraphIndex(graph);
  index.dropDeadNodes();
  index.dropUnusedInitializers();
  return new Model({ ...model.proto, graph }, model.file, model.dir);
}
