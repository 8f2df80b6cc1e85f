import { GraphIndex, tensorType, type ElementType, type Model, type NodeProto } from '../onnx';
import { floatReason, integerRule, type IntegerRule, type TargetFamily } from './operators';
import { hiddenTensors, isRecurrent, whyNotApart } from './recurrent';
import type { Precision } from '../results';
import type { TypeOf, Unit } from './units';

/** Where one unit computes, and why not in integers. */
export interface UnitPlacement {
  unit: Unit;
  integer: boolean;
  /** What an integer unit is written as where that is not INT8 throughout. */
  precision?: Precision;
  /** In a sentence; null where it is integer. */
  reason: string | null;
}

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
}

export interface PlacementOptions {
  /** Units to keep in FP32, by name. */
  keep: ReadonlySet<string>;
  /** Tensors whose range cannot be used, with the reason. */
  unusable?: ReadonlyMap<string, string>;
  /** Whose operators these are (src/quantize/operators); onnxruntime's CPU provider if nothing is said. */
  family?: TargetFamily;
}

/**
 * Decides in one walk in graph order and one back:
 * 1. A weight operator is integer unless it is kept, its weight is computed, or a range is unusable.
 * 2. An elementwise operator is integer where every input comes as integers, and (walking back) an integer layer
 *    needs its result.
 * 3. Operators that move values pass integers through with the scale of their input.
 * 4. What an integer unit reads and does not come as integers is quantized on the way in.
 * 5. The arithmetic of a cell that stands as single operators stays float, its products are layers like others.
 * 6. LSTM, GRU and RNN read integers where they can be taken apart: of their inputs the sequence alone.
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
  const needed = neededAsIntegers(model, index, byNode, options);
  const quantized = new Map<string, string>();
  const shipped = new Set<string>();
  const passthrough: NodeProto[] = [];
  const joining: NodeProto[] = [];
  const placed = new Map<Unit, UnitPlacement>();
  const root = (tensor: string) => quantized.get(tensor) ?? tensor;

  for (const node of model.graph.node) {
    if (owned.has(node)) continue;
    const unit = byNode.get(node);
    const rule = integerRule(node.opType, node.domain, family);
    if (!unit || (rule?.form === 'passthrough' && !unit.weight)) {
      const through = rule && passesThrough(node, rule, shipped, typeOf);
      if (through && rule.form === 'elementwise') {
        // Concat is movement for people and arithmetic for the runtime: its inputs may have scales of their own.
        if (node.opType === 'Concat' && needed.has(node)) {
          quantized.set(node.output[0]!, node.output[0]!);
          shipped.add(node.output[0]!);
          joining.push(node);
        }
      } else if (through && !(unit && options.keep.has(unit.name))) {
        passthrough.push(node);
        for (const output of node.output.filter((o) => o !== '')) {
          quantized.set(output, root(node.input[0]!));
          shipped.add(output);
        }
      }
      if (unit)
        placed.set(unit, {
          unit,
          integer: through === true && !options.keep.has(unit.name),
          reason: options.keep.has(unit.name)
            ? 'kept in FP32 by the recipe'
            : through
              ? null
              : shipped.has(node.input[0] ?? '')
                ? `onnxruntime has no integer kernel for this kind of ${node.opType}`
                : 'its input comes in float',
        });
      continue;
    }
    const reason = whyFloat(index, unit, rule, needed, shipped, options, typeOf);
    const precision = rule?.form === 'apart' && reason === null ? 'mixed' : undefined;
    placed.set(unit, { unit, integer: reason === null, reason, ...(precision && { precision }) });
    if (reason !== null) continue;
    for (const input of integerInputs(unit)) if (!quantized.has(input)) quantized.set(input, input);
    if (rule!.floatOutput) continue;
    quantized.set(unit.output, unit.output);
    shipped.add(unit.output);
  }
  const decided = units.map((u) => placed.get(u) ?? insideBody(u, options));
  const channelwise = channelwiseTensors(index, decided, [...passthrough, ...joining], family);
  return { units: decided, quantized, shipped, channelwise, passthrough };
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
      unit.op === 'Conv' &&
      family === 'cpu' &&
      !index.consumers(unit.output).some((reader) => takers.has(reader)),
  );
  return new Set(found.map(({ unit }) => unit.output));
}

/** What runs once a turn, or only sometimes, has no range that a calibration could vouch for. */
function insideBody(unit: Unit, { keep }: PlacementOptions): UnitPlacement {
  const { body } = unit;
  const where = body ? `inside the body of ${body.owner.opType} '${body.path}'` : 'not reached';
  const reason = keep.has(unit.name)
    ? 'kept in FP32 by the recipe'
    : `it is ${where}, whose ranges are not read: mode: dynamic quantizes there`;
  return { unit, integer: false, reason };
}

function whyFloat(
  index: GraphIndex,
  unit: Unit,
  rule: IntegerRule | undefined,
  needed: ReadonlySet<NodeProto>,
  shipped: ReadonlySet<string>,
  options: PlacementOptions,
  typeOf: TypeOf,
): string | null {
  if (options.keep.has(unit.name)) return 'kept in FP32 by the recipe';
  if (!rule || rule.form === 'passthrough')
    return floatReason(unit.op, unit.node.domain, options.family);
  if (rule.floatByDefault !== undefined) return rule.floatByDefault;
  if (unit.cell?.role === 'arithmetic')
    return `it belongs to ${unit.cell.op === 'GRU' ? 'a GRU' : 'an LSTM'} cell, whose states stay float: their rounding would come back at every step`;
  const apart = rule.form === 'apart';
  const looksAt = apart ? [unit.inputs[0]!, ...hiddenTensors(unit.node)] : unit.inputs;
  for (const tensor of [...looksAt, unit.output]) {
    const why = options.unusable?.get(tensor);
    if (why) return why;
    const type = typeOf(tensor);
    if (type !== undefined && type !== 'float32' && type !== 'undefined')
      return `'${tensor}' is ${type}, not float32`;
  }
  if (apart) return whyNotApart(index, unit.node);
  if (rule.form === 'weight') return whyWeightFloat(index, unit, rule);
  if (unit.node.input.some((name) => name !== '' && index.isConstant(name)))
    return 'one of its operands is a constant: in integers it would cost more than it saves';
  const loose = unit.inputs.find((name) => !shipped.has(name));
  if (loose !== undefined)
    return `'${loose}' comes in float, and converting it costs more than an integer ${unit.op} saves`;
  if (!needed.has(unit.node)) return 'no integer layer reads its result';
  return null;
}

/** What of a unit's inputs becomes integers. */
export function integerInputs(unit: Unit): readonly string[] {
  return isRecurrent(unit.node) ? unit.inputs.slice(0, 1) : unit.inputs;
}

function whyWeightFloat(index: GraphIndex, unit: Unit, rule: IntegerRule): string | null {
  const { node } = unit;
  if (node.opType === 'MatMul' && !unit.weight && unit.inputs.length === 2) {
    return 'both sides are computed; kept float because what enters and leaves Softmax must be';
  }
  if (!unit.weight) {
    const name = node.input[1] ?? '';
    const tensor = index.initializer(name);
    return tensor
      ? `its weight '${name}' is ${tensorType(tensor)}, not float32`
      : `its weight '${name}' is computed, not a constant`;
  }
  const broken = rule.only?.find((condition) => !condition.holds(node));
  if (broken) return broken.otherwise;
  if (node.opType !== 'MatMul' && node.input[2] && !unit.bias)
    return 'its bias is computed, not a constant';
  if (node.opType === 'Gemm' && unit.bias && index.initializer(unit.bias)!.dims.length !== 1)
    return 'its bias differs from row to row';
  return null;
}

/** True where a movement node reads integers in slot 0 and the runtime moves codes for it. */
function passesThrough(
  node: NodeProto,
  rule: IntegerRule,
  shipped: ReadonlySet<string>,
  typeOf: TypeOf,
): boolean {
  const data = node.opType === 'Concat' ? node.input : node.input.slice(0, 1);
  if (data.some((name) => !shipped.has(name))) return false;
  if (node.output.some((o) => notFloat32(typeOf(o)))) return false;
  return rule.only?.every((condition) => condition.holds(node)) ?? true;
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
  for (const node of [...model.graph.node].reverse()) {
    const unit = byNode.get(node);
    const out = unit?.output ?? node.output[0] ?? '';
    const wanted = index.consumers(out).some((reader) => {
      const rule = integerRule(reader.opType, reader.domain, options.family);
      if (!rule || rule.floatByDefault !== undefined) return false;
      const readerUnit = byNode.get(reader);
      if (readerUnit && options.keep.has(readerUnit.name)) return false;
      if (readerUnit?.cell?.role === 'arithmetic') return false;
      if (rule.form === 'weight' || rule.form === 'apart')
        return readerUnit?.weight != null && reader.input[0] === out;
      return needed.has(reader);
    });
    if (wanted) needed.add(node);
  }
  return needed;
}
