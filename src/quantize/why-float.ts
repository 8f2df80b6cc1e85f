import type { GraphIndex } from '../onnx';
import { tensorType, type NodeProto } from '../onnx';
import { floatReason, type IntegerRule, type TargetFamily } from './operators';
import type { Patterns } from './patterns';
import { whyNotAttention } from './integer-attention';
import { isPackedAttention } from './packed-attention';
import { hiddenTensors, isRecurrent, whyNotApart } from './recurrent';
import { integerInputs, type TypeOf, type Unit } from './units';

/** What a recipe and calibration ask of the placement. */
export interface PlacementOptions {
  /** Units to keep in FP32, by name. */
  keep: ReadonlySet<string>;
  /** Units that are to be integer although they would stay float by default, by name. */
  forced?: ReadonlySet<string>;
  /** Tensors whose range cannot be used, with the reason. */
  unusable?: ReadonlyMap<string, string>;
  /** Whose operators these are (src/quantize/operators); onnxruntime's CPU provider if nothing is said. */
  family?: TargetFamily;
}

/** What the walk through the graph knows when it asks about a unit. */
export interface Surroundings {
  index: GraphIndex;
  options: PlacementOptions;
  typeOf: TypeOf;
  patterns: Patterns;
  /** Nodes whose result an integer layer reads. */
  needed: ReadonlySet<NodeProto>;
  /** Tensors that come as integers. */
  shipped: ReadonlySet<string>;
  /** Results of layers that the recipe keeps in FP32. */
  keptResults: ReadonlySet<string>;
}

/**
 * Why a unit stays float, in a sentence, or null where it is integer. In this order:
 * 1. The recipe keeps it.
 * 2. Its operator has no integer kernel; a part of a pattern says so in those words.
 * 3. It is a part of a pattern or of a recurrent cell, or its operator stays float by default: unless the recipe
 *    asks for it.
 * 4. A range that it needs cannot be used: it holds masks, or was not finite; or a type is not float32.
 * 5. Its weight, bias or attributes are not what the kernel takes.
 * 6. Elementwise: nothing comes as integers, or nobody needs its result as integers; unless the recipe asks for it.
 */
export function whyFloat(
  unit: Unit,
  rule: IntegerRule | undefined,
  around: Surroundings,
): string | null {
  const { index, options, patterns } = around;
  if (options.keep.has(unit.name)) return 'kept in FP32 by the recipe';
  const forced = options.forced?.has(unit.name) ?? false;
  const part = forced ? undefined : patterns.parts.get(unit.node);
  if (part) return part.reason;
  if (!rule || (rule.form === 'passthrough' && !unit.weight))
    return floatReason(unit.op, unit.node.domain, options.family);
  if (rule.floatByDefault !== undefined && !forced) return rule.floatByDefault;
  if (unit.cell?.role === 'arithmetic' && !forced)
    return `it belongs to ${unit.cell.op === 'GRU' ? 'a GRU' : 'an LSTM'} cell, whose states stay float: their rounding would come back at every step`;
  const unusable = whyUnusable(unit, around);
  if (unusable) return unusable;
  const broken = rule.only?.find((condition) => !condition.holds(unit.node));
  switch (rule.form) {
    case 'apart':
      return isPackedAttention(unit.node)
        ? whyNotAttention(index, unit.node)
        : whyNotApart(index, unit.node);
    case 'weight':
      return whyWeightFloat(unit, broken?.otherwise, forced, around);
    default:
      return broken?.otherwise ?? whyElementwiseFloat(unit, forced, around);
  }
}

/** What of the unit's tensors can have no range. */
export function whyUnusable(unit: Unit, around: Surroundings): string | null {
  const { options, typeOf, patterns } = around;
  const looksAt = [
    ...integerInputs(unit),
    ...(isRecurrent(unit.node) ? hiddenTensors(unit.node) : []),
  ];
  for (const tensor of [...looksAt, unit.output]) {
    const why = options.unusable?.get(tensor);
    if (why) return why;
    const type = typeOf(tensor);
    if (type !== undefined && type !== 'float32' && type !== 'undefined')
      return `'${tensor}' is ${type}, not float32`;
    const mask = patterns.masked.get(tensor);
    if (mask !== undefined) return `'${tensor}' holds a mask of ${mask}, which belongs in no range`;
  }
  return null;
}

/** Why a layer with a weight cannot be integer, from its node and weight. */
export function whyWeightFloat(
  unit: Unit,
  broken: string | undefined,
  forced: boolean,
  { index, options, shipped }: Surroundings,
): string | null {
  const { node } = unit;
  if (index.producer(node.input[1] ?? '')?.opType === 'DequantizeLinear')
    return 'it was quantized before, and stays as it is';
  if (!unit.weight) {
    const first = index.initializer(node.input[0] ?? '');
    if (node.opType === 'MatMul' && first)
      return `its weight '${first.name}' comes first, and the integer kernel takes it second`;
    const name = node.input[1] ?? '';
    const tensor = index.initializer(name);
    if (tensor) return `its weight '${name}' is ${tensorType(tensor)}, not float32`;
    if (node.opType !== 'MatMul') return `its weight '${name}' is computed, not a constant`;
    if (options.family === 'fpga-fixed')
      return 'both sides are computed, and the fixed-point design multiplies by constants only';
    if (forced || unit.inputs.every((input) => shipped.has(input))) return null;
    return 'both sides are computed, and converting them costs more than an integer product saves';
  }
  if (broken !== undefined) return broken;
  if (node.opType !== 'MatMul' && node.input[2] && !unit.bias)
    return 'its bias is computed, not a constant';
  if (node.opType === 'Gemm' && unit.bias && index.initializer(unit.bias)!.dims.length !== 1)
    return 'its bias differs from row to row';
  return null;
}

function whyElementwiseFloat(
  unit: Unit,
  forced: boolean,
  { index, options, needed, shipped, keptResults }: Surroundings,
): string | null {
  if (forced) return null;
  if (
    options.family !== 'fpga-fixed' &&
    unit.node.input.some((name) => name !== '' && index.isConstant(name))
  )
    return 'one of its operands is a constant: in integers it would cost more than it saves';
  const loose = unit.inputs.filter((name) => !shipped.has(name));
  // one side of several is worth converting where the result is wanted as integers; what is kept stays exact
  const convertible =
    loose.length < unit.inputs.length && loose.every((name) => !keptResults.has(name));
  if (loose.length > 0 && !convertible)
    return `'${loose[0]}' comes in float, and converting it costs more than an integer ${unit.op} saves`;
  if (!needed.has(unit.node)) return 'no integer layer reads its result';
  return null;
}
