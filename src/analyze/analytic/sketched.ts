/** Gains carried back through single nodes with all that is known of how channels go together. */
import { intAttribute, intsAttribute, tensorData, type NodeProto } from '../../onnx';
import { activation, slopeOf, type Activation } from './activation';
import { mean, size, type Field } from './field';
import { backward } from './moves';
import { axisOf, variance, type Net, type Power } from './net';
import { back as backThroughProduct } from './pairs';
import { cells, mapRows, strides, times, type Sketch } from './sketch';
import type { Gain, Known, Step } from './step';
import { rowsBack, weightOf } from './weight';

/**
 * The gain of a node's input from that of its result; null where the node, or what is behind it, has none.
 */
export function sketchBack(known: Known, step: Step, gain: Gain): Sketch | null {
  const { net, sketcher } = known;
  const { node, slot, from, to } = step;
  const weight = weightOf(net, node);
  if (weight) {
    if (slot !== 0 || from.length !== to.length) return null;
    if (!gain.sketch) return null;
    const grain = [...gain.sketch.grain.slice(0, -1), weight.outputs];
    return rowsBack(sketcher.refined(gain.sketch, grain), weight);
  }
  return gain.sketch && through(known, step, gain.sketch);
}

/** The gain of a tensor from that of a function of it. */
export function throughFunction(
  { sketcher }: Known,
  f: Activation,
  x: Power,
  gain: Sketch,
): Sketch {
  const { axis, values } = x.square;
  const slopes = Array.from(values, (p) =>
    slopeOf(f, x.mean, Math.sqrt(Math.max(0, p - x.mean ** 2))),
  );
  const of = (part: 'mean' | 'square') =>
    byCell({ axis, values: Float64Array.from(slopes, (s) => s[part]) }, gain.grain);
  return sketcher.timesRandom(gain, of('mean'), of('square'));
}

function through(known: Known, step: Step, g: Sketch): Sketch | null {
  const { net, powerOf, sketcher } = known;
  const { node, slot, output, from, to } = step;
  const x = powerOf(node.input[slot]);
  switch (node.opType) {
    case 'MatMul':
      return backThroughProduct(known, step, g);
    case 'Add':
    case 'Sum':
      return narrowed(g, from, to);
    case 'Sub':
      return narrowed(slot === 0 ? g : times(g, -1), from, to);
    case 'Mul':
      return narrowed(timesOther(known, step, g, false), from, to);
    case 'Div':
      return slot === 0 ? narrowed(timesOther(known, step, g, true), from, to) : null;
    case 'Where':
      return slot > 0 ? narrowed(g, from, to) : null;
    case 'ReduceMean':
      return slot === 0 ? spreadOut(net, node, g, from, to) : null;
    case 'Softmax': {
      const axis = axisOf(node, from.length);
      if (g.grain[axis] !== 1) return null;
      const p2 = mean(powerOf(output).square);
      const gain = p2 * Math.max(0.05, 1 - (from[axis] ?? 1) * p2);
      return sketcher.timesRandom(
        g,
        () => 0,
        () => gain,
      );
    }
    case 'LayerNormalization':
      return slot === 0 ? normalised(net, node, x, g) : null;
    case 'Relu':
    case 'Clip': {
      const active = slot === 0 ? powerOf(output).active : undefined;
      if (!active) return null;
      const share = byCell(active, g.grain);
      return sketcher.timesRandom(g, share, share);
    }
    default:
      break;
  }
  if (slot > 0) return null;
  const f = activation(node);
  return f ? throughFunction(known, f, x, g) : backward(net, node, output, g);
}

/** Numbers of a field by cell: the mean where cells do not lie along its axis. */
function byCell(field: Field, grain: readonly number[]): (cell: number) => number {
  const { axis, values } = field;
  if (axis === null || grain[axis] !== values.length) {
    const all = mean(field);
    return () => all;
  }
  const step = strides(grain)[axis]!;
  return (cell) => values[Math.floor(cell / step) % values.length]!;
}

/** Behind a product with, or a division by, another tensor of any shape that is broadcast. */
function timesOther({ net, powerOf, sketcher }: Known, step: Step, g: Sketch, divide: boolean) {
  const { node, slot, to } = step;
  const name = node.input[1 - slot]!;
  const other = powerOf(name);
  const dims = net.dims(name) ?? [];
  // axes of what is broadcast count from the end
  const { axis } = other.square;
  const square = { ...other.square, axis: axis === null ? null : axis + to.length - dims.length };
  const constant = net.constant(name)?.values;
  if (constant && (constant.length === 1 || g.grain[square.axis ?? -1] === constant.length)) {
    const value = byCell({ axis: square.axis, values: Float64Array.from(constant) }, g.grain);
    return mapRows(g, g.grain, (row) => row.map((v, c) => (divide ? v / value(c) : v * value(c))));
  }
  if (divide) return times(g, 1 / Math.sqrt(mean(square) || 1));
  return sketcher.timesRandom(g, () => other.mean, byCell(square, g.grain));
}

/** Before a broadcast: sums over the cells that a value goes to; what goes to many places adds up as power. */
function narrowed(g: Sketch, from: readonly number[], to: readonly number[]): Sketch {
  const missing = to.length - from.length;
  const own = (i: number) => from[i - missing] ?? 1;
  const grain = g.grain.map((d, i) => (own(i) === 1 ? 1 : d));
  const places = to.reduce((n, d, i) => (own(i) === 1 && g.grain[i] === 1 ? n * d : n), 1);
  const kept = grain.slice(missing);
  if (places === 1 && size(grain) === size(g.grain)) return { grain: kept, rows: g.rows };
  const step = strides(grain);
  const target = cells(g.grain, (at) =>
    at.reduce((sum, n, i) => sum + (grain[i] === 1 ? 0 : n * step[i]!), 0),
  );
  const factor = Math.sqrt(places);
  return mapRows(g, kept, (row) => {
    const out = new Float64Array(size(kept));
    target.forEach((cell, c) => (out[cell]! += factor * row[c]!));
    return out;
  });
}

/** Before a mean: the last axis becomes one of cells, since a mean over it is taken off its values in a normalisation. */
function spreadOut(
  net: Net,
  node: NodeProto,
  g: Sketch,
  from: readonly number[],
  to: readonly number[],
): Sketch | null {
  const listed = net.index.initializer(node.input[1] ?? '');
  const axes = intsAttribute(node, 'axes') ?? (listed && Array.from(tensorData(listed), Number));
  if (!axes) return null;
  const over = new Set(axes.map((axis) => (axis < 0 ? axis + from.length : axis)));
  const keeps = intAttribute(node, 'keepdims', 1) !== 0;
  if (keeps ? to.length !== from.length : to.length !== from.length - over.size) return null;
  let next = 0;
  const kept = from.map((_, i) => (over.has(i) ? (keeps && next++, 1) : g.grain[next++]!));
  const last = from.length - 1;
  const copies = over.has(last) ? from[last]! : 1;
  const count = [...over].reduce((n, axis) => n * from[axis]!, 1);
  const grain = kept.map((d, i) => (i === last ? d * copies : d));
  return mapRows(g, grain, (row) => {
    const out = new Float64Array(row.length * copies);
    return out.map((_, c) => row[Math.floor(c / copies)]! / count);
  });
}

/** Before a LayerNormalization over the last axis: by gamma, less the mean, over the deviation of the input. */
function normalised(net: Net, node: NodeProto, x: Power, g: Sketch): Sketch | null {
  const gamma = net.constant(node.input[1])?.values;
  const length = g.grain.at(-1)!;
  const axis = axisOf(node, g.grain.length);
  if (gamma?.length !== length || axis !== g.grain.length - 1) return null;
  const deviation = Math.sqrt(Math.max(1e-12, variance(x)));
  return mapRows(g, g.grain, (row) => {
    const out = row.map((v, c) => (v * gamma[c % length]!) / deviation);
    for (let from = 0; from < out.length; from += length) {
      const part = out.subarray(from, from + length);
      const average = mean({ axis: null, values: part });
      part.forEach((v, c) => (part[c] = v - average));
    }
    return out;
  });
}
