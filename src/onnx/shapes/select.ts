/** Operators that take some of a tensor's values. */
import { axisOf, product, value, type Dim, type Rule } from './types';

/** https://onnx.ai/onnx/operators/onnx__Slice.html */
const slice: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const starts = n.ints('starts') ?? n.input(1).data;
  const ends = n.ints('ends') ?? n.input(2).data;
  if (!shape) return [value(type, null)];
  const axes: Dim[] | null =
    n.ints('axes') ?? (n.has(3) ? n.input(3).data : (starts?.map((_, i) => i) ?? null));
  const steps = n.has(4) ? n.input(4).data : null;
  if (!axes || (n.has(4) && !steps))
    return [
      value(
        type,
        shape.map(() => null),
      ),
    ];
  const result: Dim[] = [...shape];
  let values = data;
  for (const [i, axis] of axes.entries()) {
    const at = typeof axis === 'number' ? axisOf(axis, shape.length) : NaN;
    if (Number.isNaN(at))
      return [
        value(
          type,
          shape.map(() => null),
        ),
      ];
    const [start, end, step] = [starts?.[i] ?? null, ends?.[i] ?? null, steps ? steps[i]! : 1];
    const dim = shape[at]!;
    // taking everything from an open axis leaves it as it is
    if (start === 0 && step === 1 && typeof end === 'number' && end >= 2 ** 31 - 1) continue;
    const picked =
      typeof dim === 'number' && typeof start === 'number' && typeof end === 'number'
        ? range(dim, start, end, typeof step === 'number' ? step : 0)
        : null;
    result[at] = picked && picked.length;
    values = picked && shape.length === 1 && data ? indices(picked).map((j) => data[j]!) : null;
  }
  return [value(type, result, shape.length === 1 ? values : null)];
};

interface Range {
  start: number;
  step: number;
  length: number;
}

/** Positions that a slice takes, with starts and ends clamped as the operator's page says. */
function range(dim: number, start: number, end: number, step: number): Range | null {
  if (step === 0) return null;
  const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);
  const from = start < 0 ? start + dim : start;
  const to = end < 0 ? end + dim : end;
  const a = step > 0 ? clamp(from, 0, dim) : clamp(from, 0, dim - 1);
  const b = step > 0 ? clamp(to, 0, dim) : clamp(to, -1, dim);
  return { start: a, step, length: Math.max(0, Math.ceil((b - a) / step)) };
}

function indices(r: Range): number[] {
  return Array.from({ length: r.length }, (_, i) => r.start + i * r.step);
}

const gather: Rule = (n) => {
  const { type, shape, data } = n.input(0);
  const index = n.input(1);
  if (!shape || !index.shape) return [value(type, null)];
  const axis = axisOf(n.int('axis', 0), shape.length);
  if (Number.isNaN(axis)) return [value(type, null)];
  const result = [...shape.slice(0, axis), ...index.shape, ...shape.slice(axis + 1)];
  const values =
    data && shape.length === 1 && index.data
      ? index.data.map((i) =>
          typeof i === 'number' ? (data[i < 0 ? i + data.length : i] ?? null) : null,
        )
      : null;
  return [value(type, result, values)];
};

const gatherElements: Rule = (n) => [value(n.input(0).type, n.input(1).shape)];

/** https://onnx.ai/onnx/operators/onnx__GatherND.html */
const gatherNd: Rule = (n) => {
  const [x, index] = [n.input(0).shape, n.input(1).shape];
  const depth = index?.at(-1);
  if (!x || !index || typeof depth !== 'number') return [value(n.input(0).type, null)];
  const batch = n.int('batch_dims', 0);
  return [value(n.input(0).type, [...index.slice(0, -1), ...x.slice(batch + depth)])];
};

/** https://onnx.ai/onnx/operators/onnx__TopK.html */
const topK: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (!shape) return [value(type, null), value('int64', null)];
  const axis = axisOf(n.int('axis', -1), shape.length);
  const k = n.attribute('k') ? n.int('k', 0) : (n.input(1).data?.[0] ?? null);
  const result = shape.map((d, i) => (i === axis ? k : d));
  return [value(type, result), value('int64', result)];
};

const nonZero: Rule = (n) => [value('int64', [n.input(0).shape?.length ?? null, null])];

const compress: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (!n.attribute('axis')) return [value(type, [null])];
  const axis = shape ? axisOf(n.int('axis', 0), shape.length) : NaN;
  return [value(type, shape && shape.map((d, i) => (i === axis ? null : d)))];
};

const unique: Rule = (n) => {
  const { type, shape } = n.input(0);
  const axis = shape ? axisOf(n.int('axis', 0), shape.length) : NaN;
  const y = n.attribute('axis') ? (shape?.map((d, i) => (i === axis ? null : d)) ?? null) : [null];
  const list = value('int64', [null]);
  return [value(type, y), list, list, list];
};

/** https://onnx.ai/onnx/operators/onnx__OneHot.html */
const oneHot: Rule = (n) => {
  const { shape } = n.input(0);
  const { type } = n.input(2);
  if (!shape) return [value(type, null)];
  const axis = axisOf(n.int('axis', -1), shape.length + 1);
  const depth = n.input(1).data?.[0] ?? null;
  return [value(type, [...shape.slice(0, axis), depth, ...shape.slice(axis)])];
};

const nonMaxSuppression: Rule = () => [value('int64', [null, 3])];

/** Values of the classes that a row's features name (ai.onnx.ml). */
const arrayFeatureExtractor: Rule = (n) => {
  const { type, shape } = n.input(0);
  const count = n.input(1).shape && product(n.input(1).shape!);
  if (!shape) return [value(type, null)];
  return [value(type, shape.length === 1 ? [1, count] : [...shape.slice(0, -1), count])];
};

export const selectRules: Record<string, Rule> = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  TopK: topK,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  OneHot: oneHot,
  NonMaxSuppression: nonMaxSuppression,
  'ai.onnx.ml:ArrayFeatureExtractor': arrayFeatureExtractor,
};
