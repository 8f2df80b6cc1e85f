/** What an upgrade adapter sees of the model, and how it adds nodes and constants. */
import { VernierError } from '../../errors';
import { makeInts } from '../attributes';
import type { Names } from '../names';
import { label } from '../order';
import {
  makeNode,
  type AttributeProto,
  type ElementType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../schema';
import type { TensorInfo } from '../shapes/types';
import { integerValues, isExternal, makeTensor, type TensorData } from '../tensor';

/** One thing that the upgrade did. */
export interface UpgradeChange {
  /** Name of the node, or its first output's where it has none; empty for the model as a whole. */
  node: string;
  /** What was done, in a few words. */
  what: string;
}

/**
 * Carries a node over one change of its operator. It edits the node in place (and returns nothing), or returns
 * the nodes that take its place, in order, written for the version at which the operator changed. Throws
 * `model.unsupported-op` where the old meaning cannot be kept.
 */
export type Adapter = (node: NodeProto, context: UpgradeContext) => NodeProto[] | undefined;

/** Adapters of one operator, each with the opset version that made it necessary, ascending. */
export type AdapterTable = Record<string, readonly (readonly [since: number, adapter: Adapter])[]>;

/** One scope: the main graph, the body of an If, Loop or Scan, or (with `graph` null) a function's body. */
export class UpgradeContext {
  readonly initializers: TensorProto[] = [];
  private readonly added = new Map<string, string>();
  private readonly constants = new Map<string, TensorProto>();

  constructor(
    private readonly names: Names,
    private readonly dir: string | null,
    private readonly infos: (tensor: string) => TensorInfo | undefined,
    private readonly outer: UpgradeContext | null,
    readonly changes: UpgradeChange[],
    graph: Pick<GraphProto, 'initializer' | 'node'>,
  ) {
    for (const t of graph.initializer) this.constants.set(t.name, t);
    for (const node of graph.node) {
      const value =
        node.opType === 'Constant' ? node.attribute.find((a) => a.name === 'value') : undefined;
      const output = node.output[0];
      if (value?.t && output) this.constants.set(output, value.t);
    }
  }

  /** Type and shape of a tensor as far as they are known before the upgrade. */
  info(tensor: string | undefined): TensorInfo {
    return (tensor ? this.infos(tensor) : undefined) ?? { type: 'undefined', shape: null };
  }

  /** Rank of a tensor, or null. */
  rank(tensor: string | undefined): number | null {
    return this.info(tensor).shape?.length ?? null;
  }

  /** Shape where every dimension is a number, else null. */
  staticShape(tensor: string | undefined): number[] | null {
    const { shape } = this.info(tensor);
    return shape?.every((d): d is number => typeof d === 'number') ? shape : null;
  }

  /** Element type of a tensor; where nothing says it, float32, which nearly everything is. */
  type(tensor: string | undefined): ElementType {
    const { type } = this.info(tensor);
    return type === 'undefined' ? 'float32' : type;
  }

  /** The constant behind a tensor (initializer or `Constant` node, outer scopes included). */
  constant(tensor: string | undefined): TensorProto | undefined {
    if (!tensor) return undefined;
    return this.constants.get(tensor) ?? this.outer?.constant(tensor);
  }

  /** Values of a constant integer (or float) tensor as numbers; null where it is none. */
  constantValues(tensor: string | undefined): number[] | null {
    const found = this.constant(tensor);
    return found && !isExternal(found) ? integerValues(found, this.dir) : null;
  }

  /** A tensor name that nothing has. */
  fresh(base: string): string {
    return this.names.fresh(base);
  }

  /** The name of a one-dimensional int64 constant; equal ones are shared. */
  ints(base: string, values: readonly (number | bigint)[]): string {
    return this.share(base, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** The name of a scalar constant of an element type; equal ones are shared. */
  scalar(base: string, type: ElementType, value: number, node: NodeProto): string {
    return this.share(base, type, [], scalarData(type, value) ?? this.noScalar(type, node));
  }

  /** The name of a new constant; equal ones are shared. */
  share(base: string, type: ElementType, dims: readonly number[], data: TensorData): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = `${type}[${dims.join()}]${bytes.join()}`;
    const found = this.added.get(key);
    if (found !== undefined) return found;
    const tensor = makeTensor(this.fresh(base), type, dims, data);
    this.initializers.push(tensor);
    this.constants.set(tensor.name, tensor);
    this.added.set(key, tensor.name);
    return tensor.name;
  }

  /** A node of opset 7 that inserts axes of size 1; later adapters carry it on. */
  unsqueeze(
    base: string,
    input: string,
    axes: readonly number[],
  ): { node: NodeProto; output: string } {
    const output = this.fresh(`${base}_unsqueezed`);
    const node = this.node('Unsqueeze', [input], [output], [makeInts('axes', axes)], output);
    return { node, output };
  }

  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: AttributeProto[] = [],
    name?: string,
  ): NodeProto {
    return makeNode({ opType, inputs, outputs, attributes, name });
  }

  /** Notes what was done to a node. */
  did(node: NodeProto, what: string): void {
    this.changes.push({ node: label(node), what });
  }

  /** The error of an adapter that cannot keep a node's meaning. */
  refuse(node: NodeProto, why: string): VernierError {
    return new VernierError(
      'model.unsupported-op',
      `'${label(node)}' (${node.opType}) cannot be carried to a newer opset: ${why}.`,
      { node: label(node), remedy: 'Export the model again with opset 13 or newer.' },
    );
  }

  private noScalar(type: ElementType, node: NodeProto): never {
    throw this.refuse(node, `constants of type ${type} are not supported here`);
  }
}

function scalarData(type: ElementType, value: number): TensorData | null {
  switch (type) {
    case 'float32':
      return Float32Array.of(value);
    case 'float64':
      return Float64Array.of(value);
    case 'float16':
      return Uint16Array.of(halfBits(value));
    case 'int64':
      return BigInt64Array.of(BigInt(Math.trunc(value)));
    case 'int32':
      return Int32Array.of(value);
    case 'int16':
      return Int16Array.of(value);
    case 'int8':
      return Int8Array.of(value);
    case 'uint8':
    case 'bool':
      return Uint8Array.of(value);
    case 'uint16':
      return Uint16Array.of(value);
    case 'uint32':
      return Uint32Array.of(value);
    case 'uint64':
      return BigUint64Array.of(BigInt(Math.trunc(value)));
    default:
      return null;
  }
}

/** Bits of the float16 nearest to a value (IEEE 754, ties to even). */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const x = Math.abs(value);
  if (Number.isNaN(x)) return 0x7e00;
  if (x >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(x || 2 ** -24)), -14);
  const mantissa = roundHalfEven(x / 2 ** (exponent - 10));
  // subnormals have no hidden bit; a mantissa that rounds up to 2048 carries into the exponent by itself
  return (
    sign | (exponent === -14 && mantissa < 1024 ? mantissa : ((exponent + 14) << 10) + mantissa)
  );
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
