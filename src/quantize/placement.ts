import { GraphIndex, type ElementType, type Model, type NodeProto } from '../onnx';
import { integerRule, type IntegerRule, type TargetFamily } from './operators';
import { patternsOf } from './patterns';
import { isTable, placeTables } from './tables';
import { integerInputs, type TypeOf, type Unit, type UnitPlacement } from './units';
import { whyFloat, type PlacementOptions, type Surroundings } from './why-float';

/** Which tensors are quantized, and who shares a scale with whom. */
export interface Placement {
  units: UnitPlacement[];
  /** Tensors that carry Q/DQ, in graph order; the value is the tensor whose scale they use (often themselves). */
  quantized: Map<string, string>;
  /** Of these, the ones that their producer ships as integers: every reader sees the dequantized value. */
  shipped: Set<string>;
  /** Of these, convolutions' results that only float layers read: each channel can have a scale of its own. */
  channelwise: Set<string>;
  /** Nodes that pass codes through between DQ and Q. */
  passthrough: NodeProto[];
  /** Concats that join codes of several scales into codes of one. */
  joining: NodeProto[];
  /**
   * Where the file is for another runtime: who reads a tensor's codes, by the names of nodes. Missing where integer layers
   * read all their inputs as codes.
   */
  reads?: ReadonlyMap<string, ReadonlySet<string>>;
  /** The same for each body of If, Loop and Scan that holds layers, by its path; `units` of the whole has theirs too. */
  bodies?: ReadonlyMap<string, Placement>;
}

export type { UnitPlacement } from './units';
export type { PlacementOptions } from './why-float';

/** Families whose Gather takes rows of int8 codes. */
const READS_TABLES: readonly TargetFamily[] = ['cpu', 'onnx'];

/** Movement that costs little in float. */
const CHEAP = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Transpose']);

/**
 * Decides in one walk in graph order and one back:
 * 1. A weight operator is integer unless it is kept, its weight is computed, or a range is unusable.
 * 2. An elementwise operator is integer where an input comes as integers, and (walking back) an integer layer
 *    needs its result. What comes in float beside it is quantized, unless a kept layer gave it.
 * 3. Operators that move values pass integers through with the scale of their input.
 *    Views of a convolution's result that nobody wants as integers are float, so that its channels have scales of their own.
 * 4. What an integer unit reads and does not come as integers is quantized on the way in.
 * 5. The arithmetic of a cell that stands as single operators stays float, its products are layers like others.
 * 6. LSTM, GRU and RNN read integers where they can be taken apart: of their inputs the sequence alone. So does the runtime's
 *    Attention with packed weights, which becomes QAttention.
 * 7. Parts of transformers' patterns, and operators that the table says so of, stay float unless they are `forced`.
 * 8. A Gather of a constant table takes codes and gives float, where the table gets smaller by it ({@link placeTables}).
 * 9. A kernel that writes float and codes writes codes where nobody but integer layers reads them.
 */
export function place(
  model: Model,
  units: readonly Unit[],
  options: PlacementOptions,
  typeOf: TypeOf,
): Placement {
  const index = new GraphIndex(model.graph);
  const byNode = new Map(units.map((u) => [u.node, u]));
  const owned = new Set(units.flatMap((u) => [u.biasNode, u.activation]));
  const family = options.family ?? 'cpu';
  const quantized = new Map<string, string>();
  const shipped = new Set<string>();
  const around: Surroundings = {
    index,
    options,
    typeOf,
    patterns: patternsOf(model),
    needed: neededAsIntegers(model, index, byNode, options),
    shipped,
    keptResults: new Set(units.flatMap((u) => (options.keep.has(u.name) ? [u.output] : []))),
  };
  const passthrough: NodeProto[] = [];
  const joining: NodeProto[] = [];
  /** What convolutions give that nobody wants as integers: behind views it is float, with a scale for every channel. */
  const ends = new Set<string>();
  const placed = new Map<Unit, UnitPlacement>();
  const tables: Unit[] = [];

  for (const node of model.graph.node) {
    if (owned.has(node)) continue;
    const unit = byNode.get(node);
    if (unit && isTable(unit) && READS_TABLES.includes(family)) {
      tables.push(unit);
      continue;
    }
    const rule = integerRule(node.opType, node.domain, family);
    if (unit && (rule?.form !== 'passthrough' || unit.weight)) {
      const reason = whyFloat(unit, rule, around);
      const precision = rule?.form === 'apart' && reason === null ? 'mixed' : undefined;
      placed.set(unit, { unit, integer: reason === null, reason, ...(precision && { precision }) });
      if (reason !== null) continue;
      for (const input of integerInputs(unit))
        if (!quantized.has(input)) quantized.set(input, input);
      if (rule!.floatOutput && !onlyIntegersRead(unit, around, byNode)) continue;
      quantized.set(unit.output, unit.output);
      shipped.add(unit.output);
      if (takesChannelScales(unit, family) && !around.needed.has(node)) ends.add(unit.output);
      continue;
    }
    if (!unit && node.opType === 'Concat') {
      // Movement for people and arithmetic for the runtime: its inputs may have scales of their own.
      if (!rule || !joins(node, rule, around)) continue;
      for (const input of node.input) if (!quantized.has(input)) quantized.set(input, input);
      quantized.set(node.output[0]!, node.output[0]!);
      shipped.add(node.output[0]!);
      joining.push(node);
      continue;
    }
    const why = rule ? whyNotMoved(node, rule, unit, around) : null;
    if (unit) placed.set(unit, { unit, integer: why === null, reason: why });
    if (!rule || rule.form !== 'passthrough' || why !== null) continue;
    if (!unit && CHEAP.has(node.opType) && ends.has(node.input[0]!)) {
      node.output.forEach((output) => ends.add(output));
      continue;
    }
    passthrough.push(node);
    const input = node.input[0]!;
    if (!quantized.has(input)) quantized.set(input, input);
    for (const output of node.output.filter((o) => o !== '')) {
      quantized.set(output, quantized.get(input)!);
      shipped.add(output);
    }
  }
  const isInteger = (node: NodeProto) => {
    const unit = byNode.get(node);
    return unit !== undefined && placed.get(unit)?.integer === true;
  };
  for (const [unit, found] of placeTables(index, tables, isInteger, options))
    placed.set(unit, found);
  const decided = units.map((u) => placed.get(u) ?? insideBody(u, options));
  const channelwise = channelwiseTensors(index, decided, [...passthrough, ...joining], family);
  return { units: decided, quantized, shipped, channelwise, passthrough, joining };
}

/** True for a layer whose result can have a scale for every channel, where nobody reads its codes as they are. */
export function takesChannelScales({ op }: Unit, family: TargetFamily): boolean {
  return op === 'Conv' && family === 'cpu';
}

/** Results of integer convolutions whose codes nobody reads as they are. */
function channelwiseTensors(
  index: GraphIndex,
  units: readonly UnitPlacement[],
  movers: readonly NodeProto[],
  family: TargetFamily,
): Set<string> {
  const takers = new Set(movers);
  for (const { unit, integer } of units) if (integer) takers.add(unit.node);
  const found = units.filter(
    ({ unit, integer }) =>
      integer &&
      takesChannelScales(unit, family) &&
      !index.consumers(unit.output).some((reader) => takers.has(reader)),
  );
  return new Set(found.map(({ unit }) => unit.output));
}

/** A layer that the walk through one graph does not meet; those of bodies have walks of their own (`placeFor`). */
export function insideBody(unit: Unit, { keep }: PlacementOptions): UnitPlacement {
  const { body } = unit;
  const where = body ? `inside the body of ${body.owner.opType} '${body.path}'` : 'not reached';
  const reason = keep.has(unit.name)
    ? 'kept in FP32 by the recipe'
    : `it is ${where}, where this target computes in float: mode: dynamic quantizes there`;
  return { unit, integer: false, reason };
}

/** True for a Gemm whose every reader takes codes: the kernel then does what its activation and a quantizer would. */
function onlyIntegersRead(
  unit: Unit,
  { index, needed, options, patterns }: Surroundings,
  byNode: ReadonlyMap<NodeProto, Unit>,
): boolean {
  if (unit.op !== 'Gemm' || index.isGraphOutput(unit.output)) return false;
  const readers = index.consumers(unit.output);
  return (
    readers.length > 0 &&
    readers.every((reader) => {
      const own = byNode.get(reader);
      if (own && (options.keep.has(own.name) || patterns.parts.has(reader))) return false;
      const rule = integerRule(reader.opType, reader.domain, options.family);
      if (rule?.form === 'weight') return own?.weight != null && reader.input[0] === unit.output;
      return rule?.form === 'passthrough' && needed.has(reader);
    })
  );
}

/** True for a Concat whose result is needed as integers and of whose inputs one at least comes so. */
function joins(
  node: NodeProto,
  rule: IntegerRule,
  { needed, shipped, keptResults, index, patterns, typeOf, options }: Surroundings,
): boolean {
  return (
    needed.has(node) &&
    (rule.only?.every((condition) => condition.holds(node)) ?? true) &&
    node.input.some((name) => shipped.has(name)) &&
    node.input.every(
      (name) =>
        shipped.has(name) ||
        !(
          keptResults.has(name) ||
          index.isConstant(name) ||
          patterns.masked.has(name) ||
          options.unusable?.has(name) === true ||
          notFloat32(typeOf(name))
        ),
    )
  );
}

/** Why the runtime does not move codes through a node, in a sentence, or null. */
function whyNotMoved(
  node: NodeProto,
  rule: IntegerRule,
  unit: Unit | undefined,
  { shipped, typeOf, options }: Surroundings,
): string | null {
  if (unit && options.keep.has(unit.name)) return 'kept in FP32 by the recipe';
  const forced = unit !== undefined && options.forced?.has(unit.name) === true;
  if (!shipped.has(node.input[0] ?? '') && !forced) return 'its input comes in float';
  const moves =
    !node.output.some((o) => notFloat32(typeOf(o))) &&
    (rule.only?.every((condition) => condition.holds(node)) ?? true);
  if (moves) return null;
  const who = options.family === 'fpga-fixed' ? 'fixed point' : 'onnxruntime';
  return `${who} has no integer kernel for this kind of ${node.opType}`;
}

function notFloat32(type: ElementType | undefined): boolean {
  return type !== undefined && type !== 'undefined' && type !== 'float32';
}

/** Nodes whose result an integer weight layer reads, directly or through elementwise and movement nodes. */
function neededAsIntegers(
  model: Model,
  index: GraphIndex,
  byNode: ReadonlyMap<NodeProto, Unit>,
  options: PlacementOptions,
): Set<NodeProto> {
  const needed = new Set<NodeProto>();
  const { parts } = patternsOf(model);
  for (const node of [...model.graph.node].reverse()) {
    const unit = byNode.get(node);
    const out = unit?.output ?? node.output[0] ?? '';
    const wanted = index.consumers(out).some((reader) => {
      const rule = integerRule(reader.opType, reader.domain, options.family);
      const own = byNode.get(reader);
      if (own && options.forced?.has(own.name)) return rule !== undefined;
      if (!rule || rule.floatByDefault !== undefined || parts.has(reader)) return false;
      if (own && options.keep.has(own.name)) return false;
      if (own?.cell?.role === 'arithmetic') return false;
      if (rule.form === 'weight' || rule.form === 'apart')
        return own?.weight != null && reader.input[0] === out;
      return needed.has(reader);
    });
    if (wanted) needed.add(node);
  }
  return needed;
}
