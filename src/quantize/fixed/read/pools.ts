/** Pools: the largest, or the mean, of a window. */
import { intAttribute, intsAttribute, stringAttribute, type NodeProto } from '../../../onnx';
import { windowOf } from '../../pair-sums/rows';
import { OPEN, type Made, type ReadState } from './state';

/** A pool whose windows all hold the same number of values (for a mean); null where they do not. */
export function readPool(state: ReadState, node: NodeProto, input: string): Made | null {
  const { shape: from, codes } = state.tensors.get(input)!;
  const shape = state.shapeOf(node.output[0]!, node);
  const global = node.opType.startsWith('Global');
  const max = node.opType.endsWith('MaxPool');
  if (!max && !node.opType.endsWith('AveragePool')) return null;
  if (node.output.filter((o) => o !== '').length > 1) return null;
  const kernel = global ? from.slice(2) : (intsAttribute(node, 'kernel_shape') ?? []);
  if (kernel.length === 0 || (!max && !global && !hasFullWindows(node))) return null;
  const window = windowOf(node, from, [1, 1, ...kernel]);
  const count = kernel.reduce((a, b) => a * b, 1);
  const times = max ? 1 : count;
  return {
    step: {
      op: max ? 'max-pool' : 'average-pool',
      name: state.nameOf(node),
      inputs: [input],
      output: '',
      dims: shape,
      requantize: null,
      sum: { low: Math.min(codes.low, 0) * times, high: Math.max(codes.high, 0) * times },
      sumFraction: state.fraction(input),
      kernel,
      strides: global ? kernel.map(() => 1) : window.strides,
      dilations: window.dilations,
      begin: window.begin,
      divisor: times,
      scale: 0,
    },
    shape,
    ...OPEN,
  };
}

/** Padding counts as zeros or there is none, and no window ends outside. */
function hasFullWindows(node: NodeProto): boolean {
  if (intAttribute(node, 'ceil_mode', 0) !== 0) return false;
  if (stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME')) return false;
  const padded = intsAttribute(node, 'pads')?.some((p) => p > 0) ?? false;
  return !padded || intAttribute(node, 'count_include_pad', 0) !== 0;
}
