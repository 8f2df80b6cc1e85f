/** What a little noise on a tensor does to the outputs: gains, carried back from the outputs node by node. */
import type { NodeProto } from '../../onnx';
import { activation, slopeOf, type Activation } from './activation';
import { compositesOf, type Composite } from './composite';
import {
  along,
  even,
  map,
  mean,
  product,
  reshaped,
  scaled,
  size,
  sum,
  valuesAlong,
  type Field,
} from './field';
import { squaresOf } from './kernels';
import { scalarFunction } from '../../quantize/scalar-functions';
import { averaged, axisOf, movedBack, variance, type Net, type Power } from './net';
import { channelAxes, type PowerOf } from './power';
import { fieldOf, Sketcher, times } from './sketch';
import { sketchBack, throughFunction } from './sketched';
import { spreadsOf } from './spread';
import type { Gain, Known, Step } from './step';
import { meetingsOf, productsOf, weightOf } from './weight';

/**
 * How much of the noise that has come through other layers is the same at neighbouring places, but for shifts of its mean. Of
 * white noise it would be none; measured on networks that end in a pool, values from 0.2 to 0.5 order layers alike.
 */
const COHERENT = 0.3;

/** What all gains of one graph are carried with. */
export interface Carrying {
  known: Known;
  meetings: ReadonlySet<string>;
  composites: ReadonlyMap<NodeProto, Composite>;
}

/** What gains of a graph are carried with. */
export function carrying(net: Net, powerOf: PowerOf): Carrying {
  const sketcher = new Sketcher(productsOf(net));
  const known = { net, powerOf, sketcher, spreadOf: spreadsOf(net, powerOf, sketcher) };
  return { known, meetings: meetingsOf(net), composites: compositesOf(net) };
}

/** Where gains begin, and how far they are carried. */
export interface Course {
  /** Gains to begin with, by tensor. */
  seeds: ReadonlyMap<string, number>;
  /** The nodes to go back through, in graph order. */
  nodes: readonly NodeProto[];
  /** By how much more than expected the power of noise grows on its way to a tensor; 1 where that is not known. */
  factorOf?(tensor: string): number;
  /**
   * Noise of which neighbouring places have this correlation, up to the first node that sums over places; behind that, gains of
   * noise that has come through other layers.
   */
  fresh?: { coherence: number; behind: Gains };
  /**
   * Noise that is the same at all places of a channel, as a shift of its mean is. What an activation makes of it at the places
   * where it lets it through goes on by these gains.
   */
  steady?: Gains;
}

/** From the outputs, each normalised to its own power, through the whole graph. */
export function fromOutputs(net: Net, powerOf: PowerOf): Course {
  const seeds = new Map<string, number>();
  for (const name of net.outputs) {
    const power = mean(powerOf(name).square) * size(net.dims(name) ?? [1]);
    if (power > 0) seeds.set(name, 1 / power);
  }
  return { seeds, nodes: net.nodes };
}

/** Gains from the outputs through the whole graph. */
export const outputGains = (net: Net, powerOf: PowerOf): Gains =>
  new Gains(carrying(net, powerOf), fromOutputs(net, powerOf));

/** The same of shifts of the mean. */
export const steadyGains = (net: Net, powerOf: PowerOf, behind: Gains): Gains =>
  new Gains(carrying(net, powerOf), { ...fromOutputs(net, powerOf), steady: behind });

/**
 * Gains of a graph. A gain is what a unit of white noise power on one value of the tensor becomes where the course begins: at
 * the outputs, the noise-to-signal ratio summed over them.
 */
export class Gains {
  private readonly gains = new Map<string, Gain>();
  private readonly throughProducts = new Map<NodeProto, Gain>();
  private readonly net: Net;
  private readonly powerOf: PowerOf;
  private readonly known: Known;
  private readonly meetings: ReadonlySet<string>;

  constructor(
    { known, meetings, composites }: Carrying,
    private readonly course: Course,
  ) {
    this.known = known;
    this.net = known.net;
    this.powerOf = known.powerOf;
    this.meetings = meetings;
    for (const [name, gain] of course.seeds) this.add(name, plain(even(gain)));
    const roots = new Map<NodeProto, string>();
    for (const { root, nodes } of composites.values()) nodes.forEach((n) => roots.set(n, root));
    for (const node of [...course.nodes].reverse()) {
      const composite = composites.get(node);
      if (composite) this.addThrough(composite.f, composite.root, node.output[0]!);
      for (const [slot, input] of node.input.entries()) {
        if (input === '' || this.net.index.isConstant(input) || input === roots.get(node)) continue;
        const through = this.gainThrough(node, slot, this.coherence);
        if (through) this.add(input, through);
      }
    }
  }

  /** How much of the noise is the same at neighbouring places. */
  private get coherence(): number {
    const { fresh, steady } = this.course;
    return steady ? 1 : (fresh?.coherence ?? COHERENT);
  }

  /** The gain of a tensor; zero where nothing leads from it to an output. */
  of(tensor: string): Field {
    return this.gains.get(tensor)?.field ?? even(0);
  }

  /** A field summed over all values of a tensor. */
  total(tensor: string, field: Field): number {
    return mean(field) * size(this.net.dims(tensor) ?? [1]);
  }

  /** Gain of white noise that one input brings through one node alone; null where it leads to no output. */
  through(node: NodeProto, slot: number): Field | null {
    return this.gainThrough(node, slot, 0)?.field ?? null;
  }

  /** @param coherent see {@link COHERENT}: none of what was just rounded */
  private gainThrough(node: NodeProto, slot: number, coherent: number): Gain | null {
    // of products it does not matter, and they take the time
    const product = slot === 0 && weightOf(this.net, node) !== null;
    const known = product ? this.throughProducts.get(node) : undefined;
    if (known) return known;
    const found = this.throughOutputs(node, slot, coherent);
    if (product && found) this.throughProducts.set(node, found);
    return found;
  }

  private throughOutputs(node: NodeProto, slot: number, coherent: number): Gain | null {
    const { net } = this;
    let all: Gain | null = null;
    for (const output of node.output) {
      const g = this.leading(output, node);
      if (!g) continue;
      const [from, to] = [net.dims(node.input[slot]!), net.dims(output)];
      const ratio = from && to ? size(to) / Math.max(1, size(from)) : 1;
      const part =
        from && to
          ? this.backBoth({ node, slot, output, from, to, coherent, ratio }, g)
          : plain(even(mean(g.field)));
      if (part) all = all ? this.sum(all, part, from) : part;
    }
    return all;
  }

  /** The gain of a tensor for noise that comes through the node that gives it. */
  private leading(tensor: string, node: NodeProto): Gain | undefined {
    const { fresh } = this.course;
    if (fresh && sumsPlaces(this.net, node)) return fresh.behind.leading(tensor, node);
    const gain = this.gains.get(tensor);
    const factor = this.course.factorOf?.(tensor) ?? 1;
    if (!gain || factor === 1) return gain;
    const sketch = gain.sketch && times(gain.sketch, Math.sqrt(factor));
    return { ...gain, field: scaled(gain.field, factor), sketch };
  }

  /** A gain by channel stays exact until it is joined by one whose channels go together. */
  private backBoth(step: Step, g: Gain): Gain | null {
    const sketch = sketchBack(this.known, step, g);
    if (sketch && !g.diagonal) return { field: fieldOf(sketch), sketch };
    const field = this.back(step, g.field);
    const diagonal = g.diagonal && scalarFunction(step.node) !== null;
    return field && { field, sketch, diagonal };
  }

  /** Adds what comes to `root` from a function of it. */
  private addThrough(f: Activation, root: string, result: string): void {
    const g = this.leading(result, this.net.index.producer(result)!);
    if (!g) return;
    const x = this.powerOf(root);
    const sketch = g.sketch && throughFunction(this.known, f, x, g.sketch);
    this.add(root, { sketch, field: sketch ? fieldOf(sketch) : product(g.field, slopes(f, x)) });
  }

  private add(tensor: string, gain: Gain): void {
    const own = this.gains.get(tensor);
    const all = own ? this.sum(own, gain, this.net.dims(tensor)) : gain;
    const whole = this.meetings.has(tensor) ? this.sketched(tensor, all) : all;
    const sketch = whole.sketch && this.known.sketcher.bounded(whole.sketch);
    const coarser = sketch && sketch !== whole.sketch;
    this.gains.set(tensor, coarser ? { field: fieldOf(sketch), sketch } : whole);
  }

  /** Ways that part before a product and meet behind it stay together if they part from the same rows. */
  private sketched(tensor: string, gain: Gain): Gain {
    const dims = this.net.dims(tensor);
    if (gain.sketch || !dims || dims.length === 0) return gain;
    const last = dims.length - 1;
    const values = valuesAlong(gain.field, last, dims[last]!);
    const sketch = this.known.sketcher.ofField({ axis: last, values }, dims.length);
    return { field: gain.field, sketch, diagonal: true };
  }

  private sum(a: Gain, b: Gain, dims: readonly number[] | null): Gain {
    if ((!a.sketch && !b.sketch) || !dims) return plain(sum(a.field, b.field));
    const { sketcher } = this.known;
    const [x, y] = [a, b].map(
      ({ field, sketch }) => sketch ?? sketcher.ofField(field, dims.length),
    );
    const sketch = sketcher.sum(x!, y!);
    return { field: fieldOf(sketch), sketch };
  }

  private back(step: Step, g: Field): Field | null {
    const { node, slot, output, from, to, ratio } = step;
    const x = this.powerOf(node.input[slot]);
    switch (node.opType) {
      case 'Conv':
      case 'ConvTranspose':
      case 'Gemm':
      case 'MatMul':
        return this.weighted(step, g);
      case 'Add':
      case 'Sub':
      case 'Sum':
        return broadcast(step, g);
      case 'Mul':
        return broadcast(step, product(g, this.other(step)));
      case 'Div': {
        const by = mean(this.powerOf(node.input[1]).square) || 1;
        const of = slot === 0 ? 1 : mean(this.powerOf(node.input[0]).square) / by;
        return broadcast(step, scaled(g, of / by));
      }
      case 'Pow': // of two
        return slot === 0 ? scaled(g, 4 * mean(x.square)) : null;
      case 'Sqrt':
        return scaled(g, 1 / (4 * Math.max(1e-12, x.mean)));
      case 'Where':
        return slot === 0 ? null : scaled(g, Math.max(1, ratio));
      case 'ReduceMean':
      case 'GlobalAveragePool':
      case 'AveragePool':
        return scaled(kept(step, g), ratio * this.meanOf(step));
      case 'ReduceSum':
        return kept(step, g);
      case 'MaxPool':
      case 'GlobalMaxPool':
      case 'ReduceMax':
        return scaled(kept(step, g), ratio);
      case 'Softmax': {
        // Σ over results of p²·((i = j) − p)², the mean over values
        const length = from[axisOf(node, from.length)] ?? 1;
        const p2 = mean(this.powerOf(output).square);
        return even(mean(g) * p2 * Math.max(0.05, 1 + length * p2 - 2 * Math.sqrt(p2)));
      }
      case 'LayerNormalization':
      case 'InstanceNormalization':
      case 'BatchNormalization':
        return this.normalised(step, g);
      case 'Clip':
      case 'Relu':
        return slot === 0 ? this.letThrough(step, g) : null;
      case 'Concat':
        return concatenated(this.net, step, g);
      case 'Shape':
      case 'ConstantOfShape':
        return null;
      default:
        break;
    }
    if (slot > 0) return null;
    const f = activation(node);
    if (!f) return scaled(movedBack(node, g, from, to), ratio);
    return product(g, slopes(f, x));
  }

  /** An activation lets through a share of the places. Of a shift, the mean over all goes on as one, and the rest as noise. */
  private letThrough({ node, output }: Step, g: Field): Field {
    const share = this.powerOf(output).active ?? even(this.active(node));
    const { steady } = this.course;
    if (!steady) return product(g, share);
    const shift = map(share, (a) => a * a);
    const rest = map(share, (a) => a * (1 - a));
    return sum(product(g, shift), product(steady.of(output), rest));
  }

  private weighted({ node, slot, from, to, ratio, coherent }: Step, g: Field): Field | null {
    if (slot > 1) return node.opType === 'Gemm' ? even(mean(g) * ratio) : null;
    const kernel = slot === 0 ? this.net.constant(node.input[1]) : null;
    const squares = kernel && squaresOf(node, kernel, coherent);
    if (squares) {
      const [before, behind] = channelAxes(node, from, to);
      return along(before, squares.backward(valuesAlong(g, behind, squares.outputs)));
    }
    // every value meets a row or column of the other side
    const meets = slot === 0 ? (to.at(-1) ?? 1) : (to.at(-2) ?? 1);
    return even(mean(g) * mean(this.powerOf(node.input[1 - slot]).square) * meets);
  }

  /** What a mean leaves of the power of noise: of n² places whose correlation falls by the same factor from one to the next. */
  private meanOf({ node, from, to, coherent }: Step): number {
    if (this.course.steady) return 1;
    const n = averaged(node, from, to);
    if (!this.course.fresh || node.opType === 'ReduceMean') return 1 / n;
    const side = Math.max(1, Math.round(Math.sqrt(n)));
    let sum = side;
    for (let d = 1; d < side; d++) sum += 2 * (side - d) * coherent ** d;
    return (sum / side ** 2) ** 2;
  }

  private other({ node, slot, to }: Step): Field {
    const name = node.input[1 - slot]!;
    const { square } = this.powerOf(name);
    const dims = this.net.dims(name);
    // axes of what is broadcast count from the end
    return square.axis === null || !dims
      ? square
      : { axis: square.axis + to.length - dims.length, values: square.values };
  }

  private normalised({ node, slot, to }: Step, g: Field): Field | null {
    if (slot !== 0) return null;
    const by = Math.max(1e-12, variance(this.powerOf(node.input[0])));
    const gamma = this.net.constant(node.input[1])?.values;
    if (!gamma) return scaled(g, 1 / by);
    const axis = node.opType === 'LayerNormalization' ? to.length - 1 : 1;
    return along(
      axis,
      valuesAlong(g, axis, gamma.length).map((v, c) => (v * gamma[c]! ** 2) / by),
    );
  }

  /** The share of values that a Relu or Clip lets through, counted in its result; half where it was not seen. */
  private active(node: NodeProto): number {
    const statistics = this.net.statistics(node.output[0]!);
    if (!statistics || statistics.min < 0) return 0.5;
    let [inside, all] = [0, 0];
    statistics.histogram.forEach((low, _, count) => {
      all += count;
      if (low > 0) inside += count;
    });
    return all > 0 ? inside / all : 0.5;
  }
}

/** True for nodes whose results are sums over several places. */
function sumsPlaces(net: Net, node: NodeProto): boolean {
  if (/Pool$/.test(node.opType)) return true;
  if (!node.opType.startsWith('Conv')) return false;
  return size(net.constant(node.input[1])?.dims.slice(2) ?? [1]) > 1;
}

const plain = (field: Field): Gain => ({ field, sketch: null });

/** What a function of a tensor does to the power of small noise on it. */
const slopes = (f: Activation, { mean, square }: Power): Field =>
  map(square, (p) => slopeOf(f, mean, Math.sqrt(Math.max(0, p - mean ** 2))).square);

function broadcast({ from, to, ratio }: Step, g: Field): Field {
  return ratio === 1 ? reshaped(g, to, from) : even(mean(g) * ratio);
}

/** A field along channels that a pool or a reduction over other axes keeps. */
function kept({ from, to }: Step, g: Field): Field {
  if (g.axis !== null && to.length === from.length && to[g.axis] === from[g.axis]) return g;
  return even(mean(g));
}

function concatenated(net: Net, { node, slot, from, to }: Step, g: Field): Field {
  const axis = axisOf(node, to.length, 0);
  if (g.axis !== axis) return g;
  let start = 0;
  for (const name of node.input.slice(0, slot)) start += net.dims(name)?.[axis] ?? 0;
  return along(axis, g.values.subarray(start, start + from[axis]!));
}
