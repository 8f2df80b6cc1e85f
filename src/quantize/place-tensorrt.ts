import { GraphIndex, type Model, type NodeProto } from '../onnx';
import { floatReason, integerRule, type IntegerRule } from './operators';
import { insideBody, type Placement, type PlacementOptions, type UnitPlacement } from './placement';
import { patternsOf } from './patterns';
import type { TypeOf, Unit } from './units';
import { whyUnusable, whyWeightFloat, type Surroundings } from './why-float';

/**
 * Placement for TensorRT's explicit quantization (NVIDIA, “Explicit Quantization”, Q/DQ layer-placement recommendations):
 * 1. What a layer with a weight reads becomes codes, right before it; what it leaves stays float, so that TensorRT fuses
 *    the activation behind it.
 * 2. An Add whose result becomes codes takes them on its skip input: the operand that no layer leaves just for it. With
 *    two such operands one is taken as the layer's own and the other as the skip; with none both become codes.
 * 3. An average pool whose result becomes codes reads codes, too.
 * 4. What commutes with a quantizer (MaxPool, Reshape …) gets none. It counts as integer where one stands behind it.
 * 5. Nothing else is touched. No layer that is kept, of another type than float32, or whose range cannot be used.
 */
export function placeTensorRt(
  model: Model,
  units: readonly Unit[],
  options: PlacementOptions,
  typeOf: TypeOf,
): Placement {
  const index = new GraphIndex(model.graph);
  const byNode = new Map(units.map((u) => [u.node, u]));
  const byOutput = new Map(units.map((u) => [u.output, u]));
  const reads = new Map<string, Set<string>>();
  const placed = new Map<Unit, UnitPlacement>();
  const becomesCodes = new Set<string>();
  const around: Surroundings = {
    index,
    options,
    typeOf,
    patterns: patternsOf(model),
    needed: new Set(),
    shipped: new Set(),
    keptResults: new Set(),
  };
  const rule = (node: NodeProto) => integerRule(node.opType, node.domain, 'tensorrt');
  const readAsCodes = (tensor: string, node: NodeProto) => {
    const readers = reads.get(tensor) ?? new Set();
    reads.set(tensor, readers.add(node.name));
    becomesCodes.add(tensor);
  };

  // Backwards: a layer knows whether its result becomes codes once its readers are decided.
  for (const node of [...model.graph.node].reverse()) {
    const unit = byNode.get(node);
    const own = rule(node);
    const out = unit?.output ?? node.output[0] ?? '';
    if (!unit) {
      // A Q behind a node that moves values commutes to before it.
      if (own?.form === 'passthrough' && node.output.some((o) => becomesCodes.has(o)))
        for (const input of movedInputs(index, node, own)) becomesCodes.add(input);
      continue;
    }
    const reason = whyFloat(unit, own, becomesCodes.has(out), around);
    placed.set(unit, { unit, integer: reason === null, reason });
    if (reason !== null || !own) continue;
    if (own.form === 'weight') readAsCodes(unit.inputs[0]!, node);
    else if (own.form === 'passthrough')
      for (const input of movedInputs(index, node, own)) becomesCodes.add(input);
    else
      for (const input of node.opType === 'Add'
        ? skips(index, unit, byOutput, options)
        : unit.inputs)
        readAsCodes(input, node);
  }

  const order = [
    ...model.graph.input.map((v) => v.name),
    ...model.graph.node.flatMap((n) => n.output),
  ];
  const quantized = new Map(order.filter((t) => reads.has(t)).map((t) => [t, t]));
  return {
    units: units.map((u) => placed.get(u) ?? insideBody(u, options)),
    quantized,
    shipped: new Set(),
    channelwise: new Set(),
    passthrough: [],
    joining: [],
    reads,
  };
}

function whyFloat(
  unit: Unit,
  rule: IntegerRule | undefined,
  becomesCodes: boolean,
  around: Surroundings,
): string | null {
  const { node } = unit;
  const { index, options, patterns } = around;
  if (options.keep.has(unit.name)) return 'kept in FP32 by the recipe';
  const forced = options.forced?.has(unit.name) ?? false;
  const part = forced ? undefined : patterns.parts.get(node);
  if (part) return part.reason;
  if (!rule) return floatReason(unit.op, node.domain, 'tensorrt');
  if (unit.cell?.role === 'arithmetic')
    return `it belongs to the cell of a ${unit.cell.op}, whose states stay float`;
  const unusable = whyUnusable(unit, around);
  if (unusable) return unusable;
  const broken = rule.only?.find((condition) => !condition.holds(node))?.otherwise;
  if (rule.form === 'weight') return whyWeightFloat(unit, broken, false, around);
  if (broken !== undefined) return broken;
  if (!becomesCodes) return 'no integer layer reads its result';
  if (node.opType === 'Add' && node.input.some((name) => index.isConstant(name)))
    return 'one of its operands is a constant, which TensorRT adds in float';
  return null;
}

/** Operands of a residual Add that become codes. */
function skips(
  index: GraphIndex,
  { inputs }: Unit,
  byOutput: ReadonlyMap<string, Unit>,
  { keep }: PlacementOptions,
): string[] {
  const own = inputs.filter((tensor) => {
    const layer = byOutput.get(tensor);
    const weighted = layer && integerRule(layer.op, layer.node.domain, 'tensorrt');
    return (
      weighted?.form === 'weight' &&
      layer!.activation === null &&
      !keep.has(layer!.name) &&
      index.consumers(tensor).length === 1 &&
      !index.isGraphOutput(tensor)
    );
  });
  return own.length === 0 ? inputs : inputs.filter((tensor) => tensor !== own[0]);
}

/** What a node that commutes with quantizers moves. */
function movedInputs(index: GraphIndex, node: NodeProto, rule: IntegerRule): string[] {
  if (rule.only?.some((condition) => !condition.holds(node))) return [];
  const data = node.opType === 'Concat' ? node.input : node.input.slice(0, 1);
  return data.filter((name) => name !== '' && !index.isConstant(name));
}
