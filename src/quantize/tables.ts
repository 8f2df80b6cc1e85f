import {
  intAttribute,
  isDefaultDomain,
  makeInt,
  makeNode,
  tensorDims,
  tensorType,
  type GraphIndex,
  type NodeProto,
  type TensorProto,
} from '../onnx';
import type { Unit, UnitPlacement } from './units';
import type { ConstantWriter, WeightSettings } from './weights';

/** Bytes of a DequantizeLinear with its names. */
const NODE_BYTES = 256;
/**
 * Of the model's float32 constants a table must be so much to become codes unasked. What it gives is read by all other
 * layers, with an error near 44 dB: on a char GPT, whose tables are 3 % of it, that costs 0.4 dB at the output.
 */
const WORTH_SHARE = 0.1;

/** True for a Gather that takes entries of a constant float32 table: an embedding. */
export function isTable(unit: Unit): boolean {
  return unit.op === 'Gather' && isDefaultDomain(unit.node.domain) && unit.weight !== null;
}

/** What a recipe asks of tables. */
export interface TableOptions {
  /** Units to keep in FP32, by name. */
  keep: ReadonlySet<string>;
  /** Units that are to be integer although they would stay float by default, by name. */
  forced?: ReadonlySet<string>;
}

/**
 * Decides which tables become int8, once it is known which layers do.
 * 1. A table whose rows are gathered (axis 0), that gets smaller, and of which no float copy stays for another reader.
 * 2. It is a good part of the model, or the recipe asks for it.
 * 3. What is gathered are codes; they become float behind the Gather, so nothing else is decided by it.
 * @param tables units of this graph that read one; @param isInteger of a node that is no such Gather
 */
export function placeTables(
  index: GraphIndex,
  tables: readonly Unit[],
  isInteger: (reader: NodeProto) => boolean,
  { keep, forced }: TableOptions,
): Map<Unit, UnitPlacement> {
  if (tables.length === 0) return new Map();
  const all = constantsOf(index);
  const whyNot = new Map(
    tables.map((unit) => [
      unit.node.name,
      keep.has(unit.name)
        ? 'kept in FP32 by the recipe'
        : (whyNotTable(index, unit) ??
          (forced?.has(unit.name) ? null : whyNotWorth(index, unit, all))),
    ]),
  );
  const reasonOf = (unit: Unit): string | null => {
    const own = whyNot.get(unit.node.name) ?? null;
    if (own !== null) return own;
    const takesCodes = (node: NodeProto) =>
      whyNot.has(node.name) ? whyNot.get(node.name) === null : isInteger(node);
    const reader = index.consumers(unit.weight!.tensor).find((node) => !takesCodes(node));
    return reader
      ? `'${reader.name}' reads its table in float, so that codes would be a second copy`
      : null;
  };
  return new Map(
    tables.map((unit) => {
      const reason = reasonOf(unit);
      return [unit, { unit, integer: reason === null, reason }];
    }),
  );
}

/** How many float32 constants a graph holds. */
function constantsOf({ graph }: GraphIndex): number {
  return graph.initializer
    .filter((tensor) => tensorType(tensor) === 'float32')
    .reduce((sum, tensor) => sum + countOf(tensor), 0);
}

const countOf = (tensor: TensorProto) => tensorDims(tensor).reduce((a, b) => a * b, 1);

function whyNotWorth(index: GraphIndex, { weight }: Unit, all: number): string | null {
  const share = countOf(index.initializer(weight!.tensor)!) / all;
  if (share >= WORTH_SHARE) return null;
  const percent = (100 * share).toFixed(1);
  return `its table is ${percent} % of the model's constants: as codes it would cost accuracy at every layer for few bytes`;
}

/** Why a table does not become codes, from its node and its size, or null. */
function whyNotTable(index: GraphIndex, { node, weight }: Unit): string | null {
  const { tensor, axis } = weight!;
  const proto = index.initializer(tensor)!;
  const dims = tensorDims(proto);
  if (dims.length < 2) return 'its table is a list of single numbers';
  if (![0, -dims.length].includes(intAttribute(node, 'axis', 0)))
    return 'it gathers columns, not rows';
  const count = countOf(proto);
  const channels = axis === null ? 1 : dims[axis]!;
  const bytes = count + 5 * channels + NODE_BYTES;
  return bytes < 4 * count
    ? null
    : `as codes its table would take ${bytes} bytes; in FP32 it takes ${4 * count}`;
}

/** The scales of a table: symmetric int8, one for every column (the last axis), or one. */
export function tableScales(
  writer: ConstantWriter,
  { weight }: Unit,
  { granularity }: WeightSettings,
): Float32Array {
  return writer.scales(weight!.tensor, weight!.axis, { granularity, bits: 8 }, null, null);
}

/**
 * Lets a Gather take rows of int8 codes, and dequantizes what it took: a DequantizeLinear before it would turn the whole
 * table into floats at every run. @returns the scales
 */
export function writeTable(
  index: GraphIndex,
  writer: ConstantWriter,
  node: NodeProto,
  unit: Unit,
  settings: WeightSettings,
): Float32Array {
  const { granularity } = settings;
  const { tensor, slot, axis } = unit.weight!;
  const scales = tableScales(writer, unit, settings);
  const table = writer.weight(tensor, axis, { granularity, bits: 8 }, scales);
  const output = node.output[0]!;
  const codes = index.freshName(`${output}_quantized`);
  index.setInput(node, slot, table.codes);
  index.setOutput(node, 0, codes);
  index.insertNode(
    makeNode({
      opType: 'DequantizeLinear',
      name: index.freshName(`${output}/DequantizeLinear`),
      inputs: [codes, table.scale, table.zeroPoint],
      outputs: [output],
      attributes: table.axis === null ? [] : [makeInt('axis', -1)],
    }),
  );
  return scales;
}
