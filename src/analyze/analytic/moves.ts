/** Nodes that only move values: which cell of their input every cell of their result is. */
import { permutation, tensorData, type NodeProto } from '../../onnx';
import { size } from './field';
import { axisOf, type Net } from './net';
import { cells, mapRows, strides, times, type Sketch } from './sketch';

type Dims = readonly number[];

/** Cells of an input and of a result. */
interface Move {
  from: Dims;
  to: Dims;
  /** For every cell of the result its cell in the input. */
  source: Int32Array;
  /** Share of the input's places that are in the result. */
  share: number;
}

/** What is known of the values behind a node, of those before it; null where the node does more than move them. */
export function forward(net: Net, node: NodeProto, output: string, sketch: Sketch): Sketch | null {
  const move = moveOf(net, node, output, sketch.grain, 'from');
  return (
    move && mapRows(sketch, move.to, (row) => Float64Array.from(move.source, (at) => row[at]!))
  );
}

/** Gains before a node, of those behind it. */
export function backward(net: Net, node: NodeProto, output: string, sketch: Sketch): Sketch | null {
  const move = moveOf(net, node, output, sketch.grain, 'to');
  if (!move) return null;
  const cellsBefore = size(move.from);
  const back = mapRows(sketch, move.from, (row) => {
    const out = new Float64Array(cellsBefore);
    move.source.forEach((at, i) => (out[at]! += row[i]!));
    return out;
  });
  return times(back, Math.sqrt(move.share));
}

/** @param grain of the side that is known */
function moveOf(
  net: Net,
  node: NodeProto,
  output: string,
  grain: Dims,
  side: 'from' | 'to',
): Move | null {
  const [from, to] = [net.dims(node.input[0] ?? ''), net.dims(output)];
  if (!from || !to) return null;
  switch (node.opType) {
    case 'Identity':
    case 'Dropout':
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
      return viewed(from, to, grain, side);
    case 'Transpose':
      return transposed(permutation(node, from.length), grain, side);
    case 'Gather': {
      const index = net.index.initializer(node.input[1] ?? '');
      if (!index || index.dims.length > 0) return null;
      const axis = axisOf(node, from.length, 0);
      const at = Number(tensorData(index)[0]!);
      return picked(from, axis, at < 0 ? at + from[axis]! : at, grain, side);
    }
    case 'Split': {
      const axis = axisOf(node, from.length, 0);
      let start = 0;
      for (const name of node.output.slice(0, node.output.indexOf(output)))
        start += net.dims(name)?.[axis] ?? NaN;
      return Number.isNaN(start) ? null : windowed(from, to, axis, start, grain, side);
    }
    default:
      return null;
  }
}

/**
 * Another shape for the same values. Runs of axes that hold as many values on either side go together: cells stay cells
 * where all or none of a run are.
 */
function viewed(from: Dims, to: Dims, grain: Dims, side: 'from' | 'to'): Move | null {
  if (size(from) !== size(to) || size(from) === 0) return null;
  const other: number[] = [];
  const [own, there] = side === 'from' ? [from, to] : [to, from];
  let [i, j] = [0, 0];
  while (i < own.length || j < there.length) {
    const [a, b] = [i, j];
    let [x, y] = [own[i++] ?? 1, there[j++] ?? 1];
    while (x !== y) {
      if (x < y) x *= own[i++]!;
      else y *= there[j++]!;
    }
    const axes = own.slice(a, i).flatMap((d, k) => (d > 1 ? [grain[a + k] === d] : []));
    if (new Set(axes).size > 1) return null;
    for (const d of there.slice(b, j)) other.push(axes[0] ? d : 1);
  }
  const source = Int32Array.from({ length: size(grain) }, (_, c) => c);
  return side === 'from'
    ? { from: grain, to: other, source, share: 1 }
    : { from: other, to: grain, source, share: 1 };
}

function transposed(perm: readonly number[], grain: Dims, side: 'from' | 'to'): Move {
  const from = side === 'from' ? grain : perm.map((_, axis) => grain[perm.indexOf(axis)]!);
  const to = side === 'to' ? grain : perm.map((axis) => grain[axis]!);
  const step = strides(from);
  const source = cells(to, (at) => at.reduce((sum, n, i) => sum + n * step[perm[i]!]!, 0));
  return { from, to, source, share: 1 };
}

/** One index of an axis, which is gone in the result. */
function picked(dims: Dims, axis: number, at: number, grain: Dims, side: 'from' | 'to'): Move {
  const one = side === 'from' ? grain : [...grain.slice(0, axis), 1, ...grain.slice(axis)];
  const whole = side === 'from' ? grain : one.map((d, i) => (i === axis ? dims[axis]! : d));
  const window = one.map((d, i) => (i === axis ? 1 : d));
  const start = whole[axis] === 1 ? 0 : at;
  const move = windowOf(whole, window, axis, start);
  return { ...move, to: window.filter((_, i) => i !== axis) };
}

/** A part of an axis. */
function windowed(
  dims: Dims,
  to: Dims,
  axis: number,
  start: number,
  grain: Dims,
  side: 'from' | 'to',
): Move {
  const [length, all] = [to[axis]!, dims[axis]!];
  const cut = grain[axis] === (side === 'from' ? all : length) && length > 1;
  const sized = (n: number) => grain.map((d, i) => (i === axis ? (cut ? n : 1) : d));
  return {
    ...windowOf(sized(all), sized(length), axis, cut ? start : 0),
    share: cut ? 1 : length / all,
  };
}

function windowOf(from: Dims, to: Dims, axis: number, start: number): Move {
  const step = strides(from);
  const shift = start * step[axis]!;
  const source = cells(to, (at) => at.reduce((sum, n, i) => sum + n * step[i]!, shift));
  return { from, to, source, share: 1 };
}
