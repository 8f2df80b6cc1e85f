/** Mean and power of every tensor: as calibration saw them, and between those as they follow from each other. */
import type { NodeProto } from '../../onnx';
import { channelAxisOf, type TensorStatistics } from '../../quantize/statistics';
import { activation, normalMean } from './activation';
import { along, combine, even, map, mean, product, size, valuesAlong } from './field';
import { squaresOf } from './kernels';
import { averaged, axisOf, moved, UNKNOWN, variance, type Net, type Power } from './net';
import { rectified } from './rectified';

/** The power of a tensor by name. */
export type PowerOf = (tensor: string | undefined) => Power;

/** The power of every tensor of a graph. */
export function powersOf(net: Net): PowerOf {
  const powers = new Map<string, Power>();
  const of: PowerOf = (tensor) => {
    if (tensor === undefined || tensor === '') return UNKNOWN;
    let found = powers.get(tensor);
    if (!found) {
      found = seen(net.statistics(tensor)) ?? constantPower(net, tensor) ?? UNKNOWN;
      powers.set(tensor, found);
    }
    return found;
  };
  for (const node of net.nodes)
    for (const [slot, output] of node.output.entries()) {
      if (output === '') continue;
      const known = behindActivation(net, node, output, of) ?? seen(net.statistics(output));
      powers.set(output, known ?? (slot === 0 ? derived(net, node, of) : of(node.input[0])));
    }
  return of;
}

/** What calibration saw behind a Relu or Clip whose input is a result of weights, channel by channel. */
function behindActivation(net: Net, node: NodeProto, output: string, of: PowerOf): Power | null {
  if (node.opType !== 'Relu' && node.opType !== 'Clip') return null;
  const statistics = net.statistics(output);
  const { axis, values } = of(node.input[0]).square;
  if (!statistics || axis === null || statistics.min < 0) return null;
  if (axis !== channelAxisOf(statistics.dims)) return null;
  const top = node.opType === 'Clip' ? net.constant(node.input[2])?.values[0] : undefined;
  const found = rectified(statistics, values, top ?? Infinity);
  if (!found) return null;
  return {
    mean: statistics.moments.mean,
    square: along(axis, found.square),
    active: along(axis, found.active),
    get means() {
      return along(axis, found.mean());
    },
  };
}

/** What calibration saw. Channels share the power by the squares of their largest magnitudes. */
function seen(statistics: TensorStatistics | undefined): Power | null {
  if (!statistics) return null;
  const { moments, channels, dims } = statistics;
  const square = moments.mean ** 2 + moments.variance;
  const axis = channelAxisOf(dims);
  const count = axis === null ? 0 : dims[axis]!;
  if (axis === null || channels?.min.length !== count)
    return { mean: moments.mean, square: even(square) };
  const largest = Float64Array.from(
    channels.min,
    (low, c) => Math.max(Math.abs(low), Math.abs(channels.max[c]!)) ** 2,
  );
  const all = largest.reduce((a, b) => a + b, 0) / count;
  const own = all > 0 ? largest.map((l) => (square * l) / all) : largest.fill(square);
  return { mean: moments.mean, square: along(axis, own) };
}

function constantPower(net: Net, tensor: string): Power | null {
  const constant = net.constant(tensor);
  if (!constant || constant.values.length === 0) return null;
  const { values, dims } = constant;
  let [sum, power] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    power += values[i]! ** 2;
  }
  const vector = dims.length > 0 && dims.at(-1) === values.length;
  const square = vector
    ? along(
        dims.length - 1,
        Float64Array.from(values, (v) => v * v),
      )
    : even(power / values.length);
  return { mean: sum / values.length, square };
}

/** How a result follows from what a node reads, were its inputs independent. */
function derived(net: Net, node: NodeProto, of: PowerOf): Power {
  const x = of(node.input[0]);
  const [from, to] = [net.dims(node.input[0] ?? ''), net.dims(node.output[0]!)];
  switch (node.opType) {
    case 'Conv':
    case 'ConvTranspose':
    case 'Gemm':
    case 'MatMul':
      return { mean: 0, square: weighted(net, node, of, from, to) };
    case 'Add':
    case 'Sub': {
      const y = of(node.input[1]);
      const sign = node.opType === 'Add' ? 1 : -1;
      const both = 2 * sign * x.mean * y.mean;
      const square = combine(x.square, y.square, (a, b) => Math.max(0, a + b + both));
      return { mean: x.mean + sign * y.mean, square };
    }
    case 'Mul': {
      const y = of(node.input[1]);
      return { mean: x.mean * y.mean, square: product(x.square, y.square) };
    }
    case 'Div': {
      const y = of(node.input[1]);
      const by = y.mean || Math.sqrt(mean(y.square)) || 1;
      return { mean: x.mean / by, square: combine(x.square, y.square, (a, b) => a / (b || 1)) };
    }
    case 'Pow': // of two, in a normalisation
      return { mean: mean(x.square), square: map(x.square, (p) => 3 * p * p) };
    case 'Sqrt':
      return { mean: Math.sqrt(Math.max(0, x.mean)), square: even(Math.max(0, x.mean)) };
    case 'ReduceMean':
    case 'GlobalAveragePool':
    case 'AveragePool':
      return {
        mean: x.mean,
        square: even(x.mean ** 2 + variance(x) / averaged(node, from, to)),
      };
    case 'ReduceSum': {
      const over = averaged(node, from, to);
      return { mean: x.mean * over, square: even((x.mean * over) ** 2 + variance(x) * over) };
    }
    case 'Softmax': {
      const length = from?.[axisOf(node, from.length)] ?? 1;
      // of normal logits with variance v: Σp² = eᵛ / length; trained ones are no less peaked than over √length values
      const logits = Math.exp(Math.min(50, variance(x))) / length;
      const sum = Math.min(1, Math.max(logits, 1 / Math.sqrt(length)));
      return { mean: 1 / length, square: even(sum / length) };
    }
    case 'LayerNormalization':
    case 'InstanceNormalization':
    case 'BatchNormalization':
      return normalised(net, node, to);
    case 'Where':
      return of(node.input[net.index.isConstant(node.input[1] ?? '') ? 2 : 1]);
    case 'Concat':
      return { mean: x.mean, square: even(concatenated(net, node, of)) };
    default:
      break;
  }
  const f = activation(node);
  if (f) {
    const deviations = map(x.square, (p) => Math.sqrt(Math.max(0, p - x.mean ** 2)));
    return {
      mean: mean(map(deviations, (d) => normalMean(x.mean, d, f))),
      square: map(deviations, (d) => normalMean(x.mean, d, (v) => f(v) ** 2)),
    };
  }
  const square = from && to ? moved(node, x.square, from, to) : even(mean(x.square));
  return { mean: x.mean, square };
}

type Dims = readonly number[] | null;

function weighted(net: Net, node: NodeProto, of: PowerOf, from: Dims, to: Dims) {
  const x = of(node.input[0]).square;
  const kernel = net.constant(node.input[1]);
  const squares = kernel && squaresOf(node, kernel);
  if (!squares || !from || !to)
    return even(mean(x) * mean(of(node.input[1]).square) * (from?.at(-1) ?? 1));
  const [before, behind] = channelAxes(node, from, to);
  return along(behind, squares.forward(valuesAlong(x, before, squares.inputs)));
}

/** The channel axis of a convolution's or product's input, and of its result. */
export function channelAxes(
  node: NodeProto,
  from: readonly number[],
  to: readonly number[],
): [before: number, behind: number] {
  return node.opType.startsWith('Conv') ? [1, 1] : [from.length - 1, to.length - 1];
}

function normalised(net: Net, node: NodeProto, to: Dims): Power {
  const [gamma, beta] = [net.constant(node.input[1]), net.constant(node.input[2])];
  if (!gamma) return UNKNOWN;
  const axis = node.opType === 'LayerNormalization' ? (to?.length ?? 1) - 1 : 1;
  const square = Float64Array.from(gamma.values, (g, c) => g * g + (beta?.values[c] ?? 0) ** 2);
  return { mean: 0, square: along(axis, square) };
}

function concatenated(net: Net, node: NodeProto, of: PowerOf): number {
  let [sum, count] = [0, 0];
  for (const name of node.input) {
    const n = size(net.dims(name) ?? [1]);
    sum += n * mean(of(name).square);
    count += n;
  }
  return count > 0 ? sum / count : 0;
}
