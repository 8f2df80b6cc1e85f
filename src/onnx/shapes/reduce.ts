/** Reductions. */
import { axisOf, product, value, type Dim, type Rule, type RuleNode } from './types';

/** Shape after reducing axes; all of them where none are named (or none at all, if the node says so). */
function reduced(n: RuleNode, axes: readonly number[] | null | undefined): Dim[] | null {
  const { shape } = n.input(0);
  const keep = n.int('keepdims', 1) !== 0;
  if (!shape) return axes === undefined && !keep ? [] : null;
  const none = axes === undefined || axes?.length === 0;
  if (none && n.int('noop_with_empty_axes', 0) !== 0) return shape;
  if (axes === null) return keep ? shape.map(() => null) : null;
  const gone = new Set(none ? shape.keys() : axes.map((a) => axisOf(a, shape.length)));
  return shape.flatMap((d, i) => (gone.has(i) ? (keep ? [1] : []) : [d]));
}

const reduce: Rule = (n) => {
  const shape = reduced(n, n.intsOrInput('axes', 1));
  return [value(n.input(0).type, shape)];
};

/** ReduceProd of a shape is a count that shapes are made of. */
const reduceProd: Rule = (n) => {
  const shape = reduced(n, n.intsOrInput('axes', 1));
  const { data, type, shape: from } = n.input(0);
  return [value(type, shape, data && from?.length === 1 ? [product(data)] : null)];
};

const arg: Rule = (n) => [value('int64', reduced(n, [n.int('axis', 0)]))];

const NAMES =
  `ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum
  ReduceSumSquare`.split(/\s+/);

export const reduceRules: Record<string, Rule> = {
  ...Object.fromEntries(NAMES.map((op) => [op, reduce])),
  ReduceProd: reduceProd,
  ArgMax: arg,
  ArgMin: arg,
};
