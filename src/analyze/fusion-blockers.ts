import type { NodeProto } from '../onnx';
import type { TensorInfo } from '../onnx/shapes';
import type { SourceGraph } from './source-graph';

/** The node in the way of a fusion, and why. */
export interface Blocker {
  node: string;
  reason: string;
}

const BEFORE = { activation: 'the activation', add: 'the addition', relu: 'the Relu' };

/** Who else reads a value that only `reader` may read; null where nobody does. */
export function readersBlocker(
  graph: SourceGraph,
  tensor: string,
  reader: NodeProto,
  what: keyof typeof BEFORE,
): Blocker | null {
  const other = graph.readers(tensor).find((n) => n !== reader);
  if (other)
    return {
      node: other.name,
      reason: `'${other.name}' also reads the value before ${BEFORE[what]}`,
    };
  if (graph.isOutput(tensor))
    return {
      node: graph.producer(tensor)?.name ?? reader.name,
      reason: `the value before ${BEFORE[what]} is an output of the model`,
    };
  return null;
}

/** Operators whose results the runtime has in its blocked layout when they come after a Conv. */
const BLOCKED_LAYOUT = new Set(
  `Conv MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization Relu Clip Sigmoid Tanh LeakyRelu
   HardSigmoid Add Sum Mul Concat Resize Upsample`.split(/\s+/),
);

/**
 * Why the Add and the Relu of a residual block cannot run in a convolution's kernel, or null. onnxruntime 1.30: one operand
 * comes from a Conv that nobody else reads, the other one is in the blocked layout and of the same shape, and nobody but the
 * Relu reads the sum (`test/analyze/fusions.integration.test.ts` has these graphs run).
 */
export function addBlocker(
  graph: SourceGraph,
  add: NodeProto,
  relu: NodeProto,
  convs: readonly { end: string }[],
  shapes: ReadonlyMap<string, TensorInfo>,
): Blocker | null {
  const before = readersBlocker(graph, add.output[0]!, relu, 'relu');
  if (before) return before;
  const [a, b] = add.input.map((name) => graph.origin(name)) as [string, string];
  if (a === b) return { node: add.name, reason: 'both of its inputs are the same value' };
  const blockers = convs.map(({ end }) => readersBlocker(graph, end, add, 'add'));
  const free = convs.find((_, i) => blockers[i] === null);
  if (!free) return blockers[0]!;
  const other = free.end === a ? b : a;
  const source = graph.producer(other);
  if (!source)
    return {
      node: add.name,
      reason: graph.isConstant(other)
        ? `'${other}' is a constant`
        : `'${other}' is an input of the model, not in the layout that convolutions work in`,
    };
  if (!BLOCKED_LAYOUT.has(source.opType))
    return {
      node: source.name,
      reason: `${source.opType} does not leave its result in the layout that convolutions work in`,
    };
  const [x, y] = [shapes.get(a)?.shape, shapes.get(b)?.shape];
  if (x && y && x.join() !== y.join())
    return { node: add.name, reason: 'its inputs have different shapes' };
  return null;
}
