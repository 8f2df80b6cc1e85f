import {
  attribute,
  floatData,
  integerValues,
  isDefaultDomain,
  tensorType,
  type GraphIndex,
  type NodeProto,
} from '../onnx';
import type { Range } from './observers/observer';
import { scalarFunction, type ScalarFunction } from './scalar-functions';

/** Operators that put values elsewhere and leave them what they are. */
const VIEWS = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose']);
/** Operators with a constant that may differ from channel to channel: they shift or stretch the same function. */
const SHIFTS = new Set(['Add', 'Sub', 'Sum']);
const STRETCHES = new Set(['Mul', 'Div']);
/** Longer chains are not followed. */
const MOST_NODES = 24;
/** Constants that differ from channel to channel, beyond which a chain is not followed. */
const MOST_VARIED = 2;
/** Points at which functions are looked at, on each side of zero. */
const POINTS = 1024;
/** How far beyond what calibration saw a function must stay level. */
const BEYOND = 4;
/** What a function may still change by is this share of all that it does: a step of 16 bits. */
const LEVEL = 2 ** -16;

/** The function that leads from one tensor to another, value by value. */
interface Path {
  /** Views on the way; two paths meet value by value only where these are the same. */
  views: string;
  /** With every varied constant at its lowest (false) or highest (true). */
  at: (x: number, ends: readonly boolean[]) => number;
}

/**
 * The range of a tensor beyond which everything that reads it makes the same of every value: a GELU of all that is
 * below −4 (nothing), a Sigmoid of all that is above 12. Values outside may be clipped to it; what follows changes by less
 * than a 16-bit step of its own range. An end that is read to infinity is infinite; null where both are.
 *
 * 1. From the tensor on, elementwise operators with constants are followed, through views, to the first results that
 *    something else reads. A function that exporters wrote out in several nodes comes together there.
 * 2. Each of these results is looked at as a function of one value, over four times what calibration saw.
 * @param seen extremes of the tensor in calibration
 */
export function readRange(
  index: GraphIndex,
  dir: string | null,
  tensor: string,
  seen: Range,
): Range | null {
  if (!(seen.min < seen.max)) return null;
  const found = pathsFrom(index, dir, tensor);
  if (found.ends.length === 0) return null;
  let [min, max] = [-Infinity, Infinity];
  let [lowest, highest] = [Infinity, -Infinity];
  for (const path of found.ends)
    for (const corner of corners(found.varied)) {
      const f = (x: number) => path.at(x, corner);
      const change = LEVEL * spanOf(f, seen);
      lowest = Math.min(lowest, levelEnd(f, Math.min(seen.min, 0), change));
      highest = Math.max(highest, levelEnd(f, Math.max(seen.max, 0), change));
    }
  if (lowest > seen.min) min = lowest;
  if (highest < seen.max) max = highest;
  return min === -Infinity && max === Infinity ? null : { min, max };
}

/** All choices of lowest and highest for `count` constants. */
function corners(count: number): boolean[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (__, i) => ((bits >> i) & 1) === 1),
  );
}

function spanOf(f: (x: number) => number, { min, max }: Range): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i <= POINTS; i++) {
    const y = f(min + ((max - min) * i) / POINTS);
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  return high - low;
}

/**
 * From beyond `end` towards zero: the last point up to which `f` stays within `change` of what it is there. `end` times a
 * constant where it is level nowhere.
 */
function levelEnd(f: (x: number) => number, end: number, change: number): number {
  const far = end * BEYOND;
  let [low, high] = [Infinity, -Infinity];
  let last = far;
  for (let i = 0; i <= POINTS * BEYOND; i++) {
    const x = far * (1 - i / (POINTS * BEYOND));
    const y = f(x);
    low = Math.min(low, y);
    high = Math.max(high, y);
    if (!(high - y <= change && y - low <= change)) break;
    last = x;
  }
  return last;
}

/** Paths to every tensor that is read by something else than the functions that are followed. */
function pathsFrom(
  index: GraphIndex,
  dir: string | null,
  tensor: string,
): { ends: Path[]; varied: number } {
  const paths = new Map<string, Path>([[tensor, { views: '', at: (x) => x }]]);
  const inside = new Set<NodeProto>();
  const varied: number[] = [];
  const queue = [tensor];
  for (let name = queue.pop(); name !== undefined; name = queue.pop())
    for (const node of index.consumers(name)) {
      if (inside.has(node) || inside.size >= MOST_NODES) continue;
      const path = pathThrough(index, dir, node, paths, varied);
      if (!path) continue;
      inside.add(node);
      paths.set(node.output[0]!, path);
      queue.push(node.output[0]!);
    }
  const ends = [...paths].filter(
    ([name]) => index.isGraphOutput(name) || index.consumers(name).some((n) => !inside.has(n)),
  );
  // what reads the tensor itself reads all of it
  return ends.some(([name]) => name === tensor)
    ? { ends: [], varied: 0 }
    : { ends: ends.map(([, path]) => path), varied: varied.length };
}

/** The path that goes on through a node; null where it ends, or where another input is not known yet. */
function pathThrough(
  index: GraphIndex,
  dir: string | null,
  node: NodeProto,
  paths: ReadonlyMap<string, Path>,
  varied: number[],
): Path | null {
  if (node.output.length !== 1) return null;
  const [first = ''] = node.input;
  if (isDefaultDomain(node.domain) && VIEWS.has(node.opType)) {
    const before = paths.get(first);
    if (!before || node.input.slice(1).some((name) => !index.isConstant(name))) return null;
    return { views: before.views + viewKey(index, node), at: before.at };
  }
  const f = scalarFunction(node);
  if (!f) return null;
  const slots: ((x: number, ends: readonly boolean[]) => number | undefined)[] = [];
  const found: Path[] = [];
  const fresh: number[] = [];
  for (const name of node.input) {
    const path = paths.get(name);
    if (path) {
      found.push(path);
      slots.push((x, ends) => path.at(x, ends));
      continue;
    }
    if (name === '') {
      slots.push(() => undefined);
      continue;
    }
    const constant = constantEnds(index, dir, name);
    if (!constant) return null;
    const { low, high } = constant;
    if (low === high) slots.push(() => low);
    else {
      const stretches = STRETCHES.has(node.opType) && low * high > 0;
      if (!stretches && !SHIFTS.has(node.opType)) return null;
      const place = varied.length + fresh.length;
      fresh.push(place);
      slots.push((_, ends) => (ends[place] ? high : low));
    }
  }
  if (found.length === 0 || found.some((path) => path.views !== found[0]!.views)) return null;
  if (varied.length + fresh.length > MOST_VARIED) return null;
  varied.push(...fresh);
  return { views: found[0]!.views, at: compose(f, slots) };
}

function compose(
  f: ScalarFunction,
  slots: readonly ((x: number, ends: readonly boolean[]) => number | undefined)[],
): Path['at'] {
  return (x, ends) => f(slots.map((slot) => slot(x, ends)));
}

/** What a view does, as text. */
function viewKey(index: GraphIndex, node: NodeProto): string {
  const of = (name: string) => integerValues(index.initializer(name)!).join(',');
  const given = node.input.slice(1).map((name) => (name === '' ? '' : of(name)));
  const attributes = ['perm', 'axes', 'axis'].map((name) => {
    const a = attribute(node, name);
    return a ? `${name}=${a.ints.join(',')}${a.i}` : '';
  });
  return `${node.opType}(${[...given, ...attributes].join(';')})`;
}

/** Lowest and highest value of a float constant; null for everything else. */
function constantEnds(
  index: GraphIndex,
  dir: string | null,
  name: string,
): { low: number; high: number } | null {
  const tensor = index.initializer(name);
  if (!tensor || tensorType(tensor) !== 'float32') return null;
  let [low, high] = [Infinity, -Infinity];
  for (const value of floatData(tensor, dir)) {
    if (!Number.isFinite(value)) return null;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high } : null;
}
