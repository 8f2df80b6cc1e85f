/** What shape inference knows of a tensor, and what a rule sees of a node. */
import {
  attribute,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from '../attributes';
import type { AttributeProto, ElementType, GraphProto, NodeProto } from '../schema';

/** A dimension: a size, a symbolic name, or unknown. */
export type Dim = number | string | null;

/** Element type (`undefined` where unknown) and shape (null where the rank is unknown). */
export interface TensorInfo {
  type: ElementType;
  shape: Dim[] | null;
}

/** What is known of every tensor, by the graph that defines it. */
export type ScopedShapes = Map<GraphProto, Map<string, TensorInfo>>;

/**
 * A tensor during inference. `data` holds the values, flat, of small tensors that shapes are made of; a value may
 * be a symbol (a dimension that `Shape` read) or unknown.
 */
export interface Value extends TensorInfo {
  data: Dim[] | null;
}

/** Tensors with more values than this carry no `data`. */
export const MAX_DATA = 1024;

export const UNKNOWN: Value = Object.freeze({ type: 'undefined', shape: null, data: null });

export function value(type: ElementType, shape: Dim[] | null, data: Dim[] | null = null): Value {
  return { type, shape, data };
}

/** Outputs of a node, in order; those that a rule leaves out are unknown. */
export type Rule = (node: RuleNode) => (Value | undefined)[];

/** A node with what is known of its inputs. */
export class RuleNode {
  constructor(
    readonly node: NodeProto,
    readonly opset: number,
    readonly inputs: readonly Value[],
  ) {}

  /** An input; unknown where it is left out. */
  input(slot: number): Value {
    return this.inputs[slot] ?? UNKNOWN;
  }

  /** True where an optional input is given. */
  has(slot: number): boolean {
    return (this.node.input[slot] ?? '') !== '';
  }

  attribute(name: string): AttributeProto | undefined {
    return attribute(this.node, name);
  }

  int(name: string, fallback: number): number {
    return intAttribute(this.node, name, fallback);
  }

  ints(name: string): number[] | undefined {
    const values = intsAttribute(this.node, name);
    return values && values.length > 0 ? values : undefined;
  }

  float(name: string, fallback: number): number {
    return floatAttribute(this.node, name, fallback);
  }

  floats(name: string): number[] | undefined {
    return floatsAttribute(this.node, name);
  }

  string(name: string, fallback: string): string {
    return stringAttribute(this.node, name, fallback);
  }

  /**
   * Integers that are an attribute in old opsets and an input in new ones: `undefined` where neither is given,
   * null where they are computed.
   */
  intsOrInput(name: string, slot: number): number[] | null | undefined {
    const attribute = this.ints(name);
    if (attribute) return attribute;
    if (!this.has(slot)) return undefined;
    return numbers(this.input(slot).data);
  }
}

/** The list where all of it is numbers, else null. */
export function numbers(data: readonly Dim[] | null): number[] | null {
  return data?.every((d): d is number => typeof d === 'number') ? [...(data as number[])] : null;
}

/** Axis counted from the front; NaN where it is outside. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  return at >= 0 && at < rank ? at : NaN;
}

/** Product of the dimensions, or null where one is open. */
export function product(dims: readonly Dim[]): number | null {
  let n = 1;
  for (const d of dims) {
    if (typeof d !== 'number') return null;
    n *= d;
  }
  return n;
}

/** numpy's broadcasting of two shapes (https://onnx.ai/onnx/repo-docs/Broadcasting.html); null where they do not fit. */
export function broadcast(a: Dim[] | null, b: Dim[] | null): Dim[] | null {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = dimFromBack(a, rank - i);
    const y = dimFromBack(b, rank - i);
    if (x === y || y === 1) result.push(x);
    else if (x === 1) result.push(y);
    else if (typeof x === 'number' && typeof y === 'number') return null;
    else if (typeof x === 'number') result.push(x);
    else if (typeof y === 'number') result.push(y);
    else result.push(null);
  }
  return result;
}

function dimFromBack(dims: readonly Dim[], back: number): Dim {
  return back > dims.length ? 1 : dims[dims.length - back]!;
}
