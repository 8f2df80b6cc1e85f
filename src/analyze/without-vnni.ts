/**
 * What a model does on x86 processors without VNNI (DESIGN §4.10), whatever this machine is: which channels can clip,
 * from the executed graph alone, and what clips on samples, by running that graph with the kernels' arithmetic of such a
 * processor.
 */
import { ClosenessAccumulator, type ClosenessData } from '../numeric';
import {
  GraphIndex,
  tensorData,
  tensorDims,
  tensorType,
  type Feed,
  type Model,
  type NodeProto,
  type TensorValue,
} from '../onnx';
import { NodeRunner, type RunnerState } from '../quantize/node-runner';
import {
  clipPairs,
  clippingPairs,
  matrixWeights,
  pairKernel,
  type PairArithmetic,
  type PairKernel,
} from '../quantize/pair-sums';
import type { Resume } from '../resume';

/** A layer whose kernel adds pairs in 16 bits. */
export interface PairLayer {
  /** Output channels of its kernel, and how many of them some activations could make clip. */
  channels: number;
  canClip: number;
  /** Its kernels that can be run with that arithmetic: those of the graph itself, of products. */
  kernels: PairKernel[];
  /** True where others are only looked at: DynamicQuantizeLSTM, a QAttention that is whole, and products in the body of a loop. */
  onlyLookedAt: boolean;
}

/** What happened in one layer on the samples. */
export interface LayerClipping {
  /** Share of the values of its result in which a pair clipped. */
  clippedShare: number;
  /** Its result against the exact one, from the same inputs, in dB. */
  sqnrDb: number;
}

/** A run with one kind of arithmetic. */
export interface PairRun {
  /** Outputs of the model, by sample. */
  outputs: Record<string, TensorValue>[];
  /** What clipped, by the layer's name. */
  layers: Map<string, LayerClipping>;
}

/**
 * Layers whose kernels add pairs in 16 bits where there is no VNNI, by name; the others multiply in more bits or in
 * float. @param nodes the executed nodes of every layer
 */
export function pairLayers(
  optimized: Model,
  nodes: ReadonlyMap<string, readonly NodeProto[]>,
): Map<string, PairLayer> {
  const index = new GraphIndex(optimized.graph);
  const outside = new Set(optimized.graph.node);
  const found = new Map<string, PairLayer>();
  for (const [layer, list] of nodes) {
    const own: PairLayer = { channels: 0, canClip: 0, kernels: [], onlyLookedAt: false };
    for (const node of list) {
      const kernel = pairKernel(node, (name) => index.initializer(name));
      const gates = Object.hasOwn(LOOKED_AT, node.opType)
        ? channelsAtRisk(index, node, LOOKED_AT[node.opType]!)
        : null;
      own.channels += kernel?.weights.channels ?? gates?.channels ?? 0;
      own.canClip += kernel?.atRisk ?? gates?.canClip ?? 0;
      if (kernel && outside.has(node)) own.kernels.push(kernel);
      else if (kernel ?? gates) own.onlyLookedAt = true;
    }
    if (own.channels > 0) found.set(layer, own);
  }
  return found;
}

/** Slots of the weights of kernels that do more than such a product. */
const LOOKED_AT: Readonly<Record<string, readonly number[]>> = {
  DynamicQuantizeLSTM: [1, 2],
  QAttention: [1],
};

/**
 * Columns of weights [inputs, columns] or [directions, inputs, columns], and how many of them could clip; a column of W
 * and the same of R are one sum.
 */
function channelsAtRisk(
  index: GraphIndex,
  node: NodeProto,
  slots: readonly number[],
): { channels: number; canClip: number } | null {
  const risky = new Set<number>();
  let channels = 0;
  for (const slot of slots) {
    const tensor = index.initializer(node.input[slot] ?? '');
    if (!tensor || tensorType(tensor) !== 'int8') return null;
    const [columns, rows, directions = 1] = tensorDims(tensor).reverse() as [number, number];
    const codes = tensorData(tensor) as Int8Array;
    channels = directions * columns;
    for (let d = 0; d < directions; d++) {
      const matrix = codes.subarray(d * rows * columns, (d + 1) * rows * columns);
      const weights = matrixWeights(matrix, [rows, columns], false);
      for (let c = 0; c < columns; c++)
        if (clippingPairs(weights, c).length > 0) risky.add(d * columns + c);
    }
  }
  return { channels, canClip: risky.size };
}

/** Which arithmetic a run has, and which this machine's own kernels have. */
export interface PairRunSettings {
  arithmetic: PairArithmetic;
  /** True where the kernels of this machine clip. */
  nativeClips: boolean;
}

/** Where {@link runPairs} stands behind its first `done` nodes. */
export interface PairsState {
  done: number;
  runner: RunnerState;
  counts: [string, { clipped: number; all: number; closeness: ClosenessData }][];
  outputs: Record<string, TensorValue>[];
}

/**
 * Runs the executed graph node by node, in which kernels add pairs in 16 bits and clip, or with `exact` do not, whatever
 * this machine's do. Every other node, and every value in which nothing clips, is the runtime's own.
 * @param onNode called after each node of this call and those that `resume` has
 */
export async function runPairs(
  optimized: Model,
  layers: ReadonlyMap<string, PairLayer>,
  feeds: readonly Feed[],
  { arithmetic, nativeClips }: PairRunSettings,
  onNode: (done: number, total: number) => void | Promise<void> = () => {},
  resume?: Resume<PairsState>,
): Promise<PairRun> {
  const kernels = new Map<NodeProto, { layer: string; kernel: PairKernel }>();
  for (const [layer, own] of layers)
    for (const kernel of own.kernels)
      if (kernel.atRisk > 0) kernels.set(kernel.node, { layer, kernel });
  const counts = new Map<
    string,
    { clipped: number; all: number; closeness: ClosenessAccumulator }
  >();
  const index = new GraphIndex(optimized.graph);
  const runner = new NodeRunner(optimized, feeds);
  const before = resume?.before;
  const result: PairRun = {
    outputs: before?.outputs ?? feeds.map(() => ({})),
    layers: new Map(),
  };
  if (before) runner.resume(before.runner);
  for (const [layer, { closeness, ...sums }] of before?.counts ?? [])
    counts.set(layer, { ...sums, closeness: ClosenessAccumulator.fromData(closeness) });
  const total = optimized.graph.node.length;
  for (const [i, node] of optimized.graph.node.entries()) {
    if (before && i < before.done) continue;
    const clipping = kernels.get(node);
    const inputs = clipping && runner.inputsOf(node);
    const { outputs } = await runner.run(node);
    if (clipping && inputs) {
      const count = counts.get(clipping.layer) ?? {
        clipped: 0,
        all: 0,
        closeness: new ClosenessAccumulator(),
      };
      counts.set(clipping.layer, count);
      outputs[0] = outputs[0]!.map((native, sample) => {
        const own = inputs.map((list) => list?.[sample]);
        const exact = nativeClips
          ? clipPairs(clipping.kernel, own, native, 'exact').output
          : native;
        if (arithmetic === 'exact') return exact;
        const seen = clipPairs(clipping.kernel, own, native);
        count.clipped += seen.clipped;
        count.all += seen.total;
        const { outputZero } = clipping.kernel;
        count.closeness.add(numbers(exact, outputZero), numbers(seen.output, outputZero));
        return seen.output;
      });
    }
    runner.store(node, outputs);
    node.output.forEach((name, k) => {
      if (index.isGraphOutput(name))
        outputs[k]!.forEach((value, sample) => (result.outputs[sample]![name] = value));
    });
    await resume?.step(() => ({
      done: i + 1,
      runner: runner.state(),
      counts: [...counts].map(([layer, { closeness, ...sums }]) => [
        layer,
        { ...sums, closeness: closeness.toData() },
      ]),
      outputs: result.outputs,
    }));
    await onNode(i + 1, total);
  }
  for (const [layer, { clipped, all, closeness }] of counts)
    result.layers.set(layer, {
      clippedShare: all > 0 ? clipped / all : 0,
      sqnrDb: closeness.sqnrDb,
    });
  return result;
}

/** Codes and floats alike as numbers whose zero is 0. */
function numbers({ data }: TensorValue, zero: number): Float32Array {
  const values = data as unknown as ArrayLike<number>;
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = values[i]! - zero;
  return out;
}
