import {
  floatAttribute,
  floatData,
  GraphIndex,
  intAttribute,
  isDefaultDomain,
  nodeReads,
  tensorType,
  topologicalOrder,
  untyped,
  type Feed,
  type Model,
  type NodeProto,
} from '../../onnx';
import { openModel } from '../../runtime/open-model';
import type { Session } from '../../runtime/session';

/** Channels whose variance was next to nothing in training say nothing. */
const LEAST_VARIANCE = 1e-6;

/** How a BatchNormalization's input differs from what the model saw in training, by the channel in the middle. */
export interface Divergence {
  /**
   * Median over channels of the Kullback-Leibler divergence ½(v + m² − 1 − ln v) of a normal distribution with the mean m
   * and variance v that were measured, both in units of the running statistics, from the standard one.
   */
  divergence: number;
  /** Medians over channels: |m| in standard deviations, and v. */
  shift: number;
  variance: number;
}

/** The first BatchNormalization of a model, and the part of the model before it. */
export class FirstBatchNorm {
  private constructor(
    /** Name of the node. */
    readonly node: string,
    private readonly tensor: string,
    private readonly mean: Float32Array,
    private readonly variance: Float32Array,
    private readonly session: Session,
  ) {}

  /**
   * Opens a session of what stands before the first BatchNormalization with constant statistics; null where there is none.
   * Throws `model.does-not-load`.
   */
  static async open(model: Model): Promise<FirstBatchNorm | null> {
    const index = new GraphIndex(model.graph);
    for (const node of topologicalOrder(model.graph)) {
      const read = statisticsOf(index, node, model.dir);
      const tensor = node.input[0];
      if (!read || tensor === undefined || !index.producer(tensor)) continue;
      const session = await openModel(before(model, index, tensor));
      return new FirstBatchNorm(node.name || node.output[0]!, tensor, ...read, session);
    }
    return null;
  }

  /** How the feeds differ here from what was seen in training; null where no channel tells. */
  async compare(feeds: readonly Feed[]): Promise<Divergence | null> {
    const channels = this.mean.length;
    const [sum, squares] = [new Float64Array(channels), new Float64Array(channels)];
    let count = 0;
    for (const feed of feeds) {
      const value = (await this.session.run(feed, [this.tensor]))[this.tensor];
      if (!(value?.data instanceof Float32Array) || value.dims[1] !== channels) return null;
      const { data, dims } = value;
      const inner = data.length / (dims[0]! * channels);
      for (let from = 0, c = 0; from < data.length; from += inner, c = (c + 1) % channels) {
        // around the running mean, so that nothing cancels
        const mean = this.mean[c]!;
        let [s, q] = [sum[c]!, squares[c]!];
        for (let i = from; i < from + inner; i++) {
          const d = data[i]! - mean;
          s += d;
          q += d * d;
        }
        [sum[c], squares[c]] = [s, q];
      }
      count += dims[0]! * inner;
    }
    const each = Array.from(sum, (s, c) => {
      const deviation = Math.sqrt(this.variance[c]!);
      const m = s / count / deviation;
      const v = Math.max(squares[c]! / count - (s / count) ** 2, 0) / this.variance[c]!;
      return { m: Math.abs(m), v, kl: 0.5 * (v + m * m - 1 - Math.log(Math.max(v, 1e-12))) };
    }).filter((_, c) => this.variance[c]! > LEAST_VARIANCE);
    if (each.length === 0 || !each.every(({ kl }) => Number.isFinite(kl))) return null;
    return {
      divergence: median(each.map(({ kl }) => kl)),
      shift: median(each.map(({ m }) => m)),
      variance: median(each.map(({ v }) => v)),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** Running mean and variance (ε included) of a BatchNormalization in inference mode. */
function statisticsOf(
  index: GraphIndex,
  node: NodeProto,
  folder: string | null,
): [mean: Float32Array, variance: Float32Array] | null {
  if (node.opType !== 'BatchNormalization' || !isDefaultDomain(node.domain)) return null;
  if (intAttribute(node, 'training_mode', 0) !== 0) return null;
  const tensors = [node.input[3], node.input[4]].map((name) => index.initializer(name ?? ''));
  const [mean, variance] = tensors.map((t) =>
    t && tensorType(t) === 'float32' ? floatData(t, folder) : null,
  );
  if (!mean || !variance) return null;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  return [mean, variance.map((v) => v + epsilon)];
}

/** The part of a model that gives one tensor. */
function before(model: Model, index: GraphIndex, tensor: string): Model {
  const wanted = [tensor];
  const names = new Set<string>();
  const nodes = new Set<NodeProto>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (names.has(name)) continue;
    names.add(name);
    const producer = index.producer(name);
    if (!producer || nodes.has(producer)) continue;
    nodes.add(producer);
    wanted.push(...nodeReads(producer));
  }
  const { graph } = model;
  return model.fragment({
    node: graph.node.filter((n) => nodes.has(n)),
    initializer: graph.initializer.filter((t) => names.has(t.name)),
    input: graph.input.filter((v) => names.has(v.name)),
    output: [untyped(tensor)],
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
