/** Operators that arrange the same values in another shape, or join and part tensors. */
import { permutation } from '../attributes';
import { axisOf, broadcast, product, value, type Dim, type Rule, type RuleNode } from './types';

/** https://onnx.ai/onnx/operators/onnx__Shape.html (start and end since 15) */
const shapeOf: Rule = (n) => {
  const { shape } = n.input(0);
  if (!shape) return [value('int64', [null])];
  const clamp = (x: number) => Math.min(Math.max(x < 0 ? x + shape.length : x, 0), shape.length);
  const part = shape.slice(clamp(n.int('start', 0)), clamp(n.int('end', shape.length)));
  return [value('int64', [part.length], part)];
};

const size: Rule = (n) => {
  const { shape } = n.input(0);
  return [value('int64', [], shape && [product(shape)])];
};

/** Product of the numbers and the sorted symbols of a shape; null where a dimension is unknown. */
function factors(dims: readonly Dim[]): { number: number; symbols: string[] } | null {
  let number = 1;
  const symbols: string[] = [];
  for (const d of dims) {
    if (d === null) return null;
    if (typeof d === 'number') number *= d;
    else symbols.push(d);
  }
  return { number, symbols };
}

/** What −1 stands for: the input's elements over those of the other axes, equal symbols cancelled. */
function restOf(input: readonly Dim[], others: readonly Dim[]): Dim {
  const [all, some] = [factors(input), factors(others)];
  if (!all || !some || some.number === 0) return null;
  const symbols = [...all.symbols];
  for (const s of some.symbols) {
    const at = symbols.indexOf(s);
    if (at < 0) return null;
    symbols.splice(at, 1);
  }
  const ratio = all.number / some.number;
  if (!Number.isInteger(ratio)) return null;
  if (symbols.length === 0) return ratio;
  return symbols.length === 1 && ratio === 1 ? symbols[0]! : null;
}

/** https://onnx.ai/onnx/operators/onnx__Reshape.html */
const reshape: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const wanted: Dim[] | null = n.ints('shape') ?? n.input(1).data;
  if (!wanted) {
    const rank = n.input(1).shape?.[0];
    return [value(type, typeof rank === 'number' ? new Array<Dim>(rank).fill(null) : null)];
  }
  const zeroCopies = n.int('allowzero', 0) === 0;
  const result = wanted.map((d, i) => (d === 0 && zeroCopies ? (shape?.[i] ?? null) : d));
  const rest = result.indexOf(-1);
  if (rest >= 0) {
    const others = result.filter((_, i) => i !== rest);
    // copied axes cancel, known or not, and so do the first axes where nothing else can have changed
    const copied = wanted.flatMap((d, i) => (d === 0 && zeroCopies ? [i] : []));
    const known = shape?.filter((_, i) => !copied.includes(i)) ?? null;
    const left = result.filter((_, i) => i !== rest && !copied.includes(i));
    result[rest] = shape ? (restOf(shape, others) ?? restOf(known!, left)) : null;
  } else if (shape && result.filter((d) => d === null).length === 1) {
    const open = result.indexOf(null);
    result[open] = restOf(
      shape,
      result.filter((_, i) => i !== open),
    );
  }
  return [value(type, result, data)];
};

const flatten: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (!shape) return [value(type, [null, null])];
  const axis = n.int('axis', 1);
  const at = axis < 0 ? axis + shape.length : axis;
  const join = (dims: Dim[]): Dim => restOf(dims, []);
  return [value(type, [join(shape.slice(0, at)), join(shape.slice(at))])];
};

const squeeze: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const axes = n.intsOrInput('axes', 1);
  if (!shape || axes === null) return [value(type, null, data)];
  // without axes every 1 goes, which an open dimension may be too
  if (!axes && shape.some((d) => typeof d !== 'number')) return [value(type, null, data)];
  const gone = axes?.map((a) => axisOf(a, shape.length));
  const kept = shape.filter((d, i) => (gone ? !gone.includes(i) : d !== 1));
  return [value(type, kept, data)];
};

const unsqueeze: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const axes = n.intsOrInput('axes', 1);
  if (!shape || !axes) return [value(type, null, data)];
  const rank = shape.length + axes.length;
  const at = new Set(axes.map((a) => axisOf(a, rank)));
  const rest = [...shape];
  const result = Array.from({ length: rank }, (_, i): Dim => (at.has(i) ? 1 : rest.shift()!));
  return [value(type, result, data)];
};

const transpose: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  if (!shape) return [value(type, null)];
  const perm = permutation(n.node, shape.length);
  if (perm.length !== shape.length) return [value(type, null)];
  const result = perm.map((p) => shape[p] ?? null);
  return [value(type, result, shape.length < 2 ? data : null)];
};

const concat: Rule = (n) => {
  const inputs = n.inputs;
  const type = inputs.find((v) => v.type !== 'undefined')?.type ?? 'undefined';
  const ranked = inputs.filter((v) => v.shape);
  const rank = ranked[0]?.shape?.length;
  if (rank === undefined || ranked.some((v) => v.shape!.length !== rank))
    return [value(type, null)];
  const axis = axisOf(n.int('axis', 1), rank);
  const result = Array.from({ length: rank }, (_, i): Dim => {
    const dims = inputs.map((v) => v.shape?.[i] ?? null);
    if (i !== axis)
      return dims.find((d) => typeof d === 'number') ?? dims.find((d) => d !== null) ?? null;
    return dims.length === 1 ? dims[0]! : add(dims);
  });
  const joined = rank === 1 && inputs.every((v) => v.data) ? inputs.flatMap((v) => v.data!) : null;
  return [value(type, result, joined)];
};

function add(dims: readonly Dim[]): number | null {
  let sum = 0;
  for (const d of dims) {
    if (typeof d !== 'number') return null;
    sum += d;
  }
  return sum;
}

/** https://onnx.ai/onnx/operators/onnx__Split.html: sizes given, or equal parts (the last one smaller since 18) */
const split: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const count = n.node.output.length;
  const sizes = n.intsOrInput('split', 1);
  if (!shape) return new Array<ReturnType<typeof value>>(count).fill(value(type, null));
  const axis = axisOf(n.int('axis', 0), shape.length);
  const total = shape[axis] ?? null;
  const parts = n.int('num_outputs', count);
  const each = typeof total === 'number' ? Math.ceil(total / parts) : null;
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    let part: number | null = null;
    if (sizes) part = sizes[i] ?? null;
    else if (sizes === undefined && each !== null)
      part = i < parts - 1 ? each : (total as number) - each * (parts - 1);
    const values =
      shape.length === 1 && part !== null ? (data?.slice(at, at + part) ?? null) : null;
    at += part ?? 0;
    return value(
      type,
      shape.map((d, j) => (j === axis ? part : d)),
      values,
    );
  });
};

const expand: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const target = n.input(1).data;
  if (!target) return [value(type, null)];
  const result = broadcast(shape, target);
  const count = result?.length === 1 && data?.length === 1 ? result[0] : null;
  const values =
    typeof count === 'number' && count <= 1024 ? new Array<Dim>(count).fill(data![0]!) : null;
  return [value(type, result, values)];
};

const tile: Rule = (n) => {
  const { type, shape } = n.input(0);
  const repeats = n.input(1).data;
  if (!shape) return [value(type, null)];
  if (n.opset < 6 || repeats?.length !== shape.length)
    return [value(type, new Array<Dim>(shape.length).fill(null))];
  const times = (d: Dim, r: Dim): Dim =>
    r === 1 ? d : d === 1 ? r : typeof d === 'number' && typeof r === 'number' ? d * r : null;
  return [
    value(
      type,
      shape.map((d, i) => times(d, repeats[i]!)),
    ),
  ];
};

/** Space to depth and back, NCHW. */
const blocks =
  (toDepth: boolean): Rule =>
  (n: RuleNode) => {
    const { type, shape } = n.input(0);
    const b = n.int('blocksize', 1);
    if (shape?.length !== 4) return [value(type, null)];
    const scale = (d: Dim, by: number): Dim => (typeof d === 'number' ? Math.floor(d * by) : null);
    const [c, s] = toDepth ? [b * b, 1 / b] : [1 / (b * b), b];
    return [
      value(type, [shape[0]!, scale(shape[1]!, c), scale(shape[2]!, s), scale(shape[3]!, s)]),
    ];
  };

export const layoutRules: Record<string, Rule> = {
  Shape: shapeOf,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  SpaceToDepth: blocks(true),
  DepthToSpace: blocks(false),
};
