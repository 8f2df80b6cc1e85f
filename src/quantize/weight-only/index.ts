import { clone } from '@bufbuild/protobuf';
import { GraphIndex, topologicalOrder, type Model, type NodeProto } from '../../onnx';
import { NodeProtoSchema } from '../../onnx/gen/onnx_pb';
import { upgradeOpset } from '../../onnx/upgrade';
import type { LocalModel } from '../experiments';
import type { UnitPlacement } from '../placement';
import type { Unit } from '../units';
import { PackedConstants } from './constants';
import { CONTRIB, PackedNodes, type PackedLayer } from './nodes';
import { NotFinite } from './packed-codes';
import { bitsOf, type WeightOnlySettings, type WeightType } from './settings';
import type { ShapeOf } from './shape-of';
import { weightSource, type WeightSource } from './source';
import { isTied } from './ties';

export { BLOCKS, type Block, type WeightOnlySettings, type WeightType } from './settings';
export { outputLayers } from './output-layers';
export { weightSource } from './source';
export type { ShapeOf } from './shape-of';

/** DequantizeLinear knows blocks, and tensors have 4-bit integers, from this opset on. */
const BLOCKED_OPSET = 21;

/** What weight-only quantization wrote. */
export interface WrittenWeightOnly {
  model: Model;
  units: UnitPlacement[];
  /** Empty: there are as many as blocks, and they are in the file. */
  weightScales: Map<string, Float32Array>;
}

/** What it needs to know of a model. */
export interface WeightOnlyInput {
  prepared: Model;
  units: readonly Unit[];
  /** Layers that stay in FP32, by name. */
  keep: ReadonlySet<string>;
  shapeOf: ShapeOf;
  /** Why nothing of this graph can be packed, where that is so. */
  refusal?: string | null;
}

/**
 * Weight-only quantization: weights have 4 or 8 bits, activations stay float between layers.
 * 1. MatMul and Gemm with a constant matrix become `com.microsoft.MatMulNBits`, or read a DequantizeLinear with blocks
 *    (opset 21; the model is upgraded to it), of which the runtime makes the same. So does the product of
 *    `com.microsoft.Attention` with its weights; the rest of it becomes `com.microsoft.MultiHeadAttention`.
 * 2. Gather of the rows of a constant table becomes `com.microsoft.GatherBlockQuantized`, or gathers codes and scales and
 *    dequantizes those. In the second form it has 8 bits: Gather takes no smaller integers.
 * 3. A weight that layers share is written once, in the widest type that one of them asks for; so is an embedding that
 *    is the transposed weight of the output.
 * 4. Everything else stays as it is, each with its reason; so does a weight that would not get smaller. Graphs inside If,
 *    Loop and Scan are left alone: see `quantizeGraphs`.
 */
export function quantizeWeightOnly(
  input: WeightOnlyInput,
  settings: WeightOnlySettings,
): WrittenWeightOnly {
  const { model, index, nodes, placed, layers } = begin(input, settings);
  for (const [unit, layer] of layers) {
    const reason = tried(() => {
      index.removeNode(layer.node);
      nodes.write(layer, { name: layer.node.name, outputs: layer.node.output });
    });
    if (reason !== null) index.insertNode(layer.node);
    const precision = bitsOf(layer.type) === 4 ? 'int4' : 'int8';
    placed.set(unit, {
      unit,
      integer: reason === null,
      ...(reason === null ? { precision } : {}),
      reason,
    });
  }
  finish(model, index, [...layers.values()]);
  return {
    model,
    units: input.units.map((unit) => placed.get(unit)!),
    weightScales: new Map(),
  };
}

/** The FP32 model with a twin beside every layer that reads packed weights and exact inputs (DESIGN §5, local error). */
export function localWeightOnly(input: WeightOnlyInput, settings: WeightOnlySettings): LocalModel {
  const { model, index, nodes, layers } = begin(input, settings);
  const taps: LocalModel['taps'] = new Map();
  for (const [unit, layer] of layers) {
    const product = index.freshName(`${unit.name}.local`);
    const reason = tried(() =>
      nodes.write(layer, { name: index.freshName(`${unit.name}.twin`), outputs: [product] }),
    );
    if (reason === null)
      taps.set(unit.name, { exact: unit.output, local: follow(index, unit, product) });
  }
  finish(model, index, [...layers.values()]);
  return { model, taps };
}

/** Copies of a unit's bias and activation behind its twin; the name of the last result. */
function follow(index: GraphIndex, unit: Unit, product: string): string {
  let [before, result] = [unit.node.output[0]!, product];
  for (const node of [unit.biasNode, unit.activation]) {
    if (!node) continue;
    const copy = clone(NodeProtoSchema, node);
    copy.name = index.freshName(`${node.name}.twin`);
    copy.input = node.input.map((name) => (name === before ? result : name));
    before = node.output[0]!;
    result = index.freshName(`${before}.twin`);
    copy.output = [result];
    index.insertNode(copy);
  }
  return result;
}

/** A copy of the model, and what is to be packed in it. */
function begin(
  { prepared, units, keep, shapeOf, refusal }: WeightOnlyInput,
  settings: WeightOnlySettings,
) {
  const upgrade = settings.form === 'qdq' && prepared.opset < BLOCKED_OPSET;
  const model = upgrade ? upgradeOpset(prepared, BLOCKED_OPSET).model : prepared.copy();
  const index = new GraphIndex(model.graph);
  const own = new Map(model.graph.node.map((n) => [n.name, n]));
  const constants = new PackedConstants(model, index, settings);
  const nodes = new PackedNodes(index, constants, shapeOf);
  const placed = new Map<Unit, UnitPlacement>();
  const chosen = new Map<Unit, { node: NodeProto; source: WeightSource; type: WeightType }>();
  for (const unit of units) {
    const found = keep.has(unit.name)
      ? 'kept in FP32 by the recipe'
      : (refusal ?? weightSource(index, unit, shapeOf));
    const type = settings.typeOf(unit.name, unit.op);
    const reason = typeof found === 'string' ? found : whyNotSmaller(constants, found, type);
    placed.set(unit, { unit, integer: reason === null, reason });
    if (reason === null)
      chosen.set(unit, { node: own.get(unit.name)!, source: found as WeightSource, type });
  }
  tieTables(index, model.dir, [...chosen.values()]);
  return { model, index, nodes, placed, layers: withSharedTypes(chosen, settings) };
}

function whyNotSmaller(
  constants: PackedConstants,
  source: WeightSource,
  type: WeightType,
): string | null {
  const packed = constants.bytes(source, type);
  const before = 4 * source.k * source.n;
  return packed < before
    ? null
    : `packed, its weight would take ${packed} bytes; in FP32 it takes ${before}`;
}

/** Lets products whose weight is a table transposed read the table. */
function tieTables(
  index: GraphIndex,
  dir: string | null,
  layers: readonly { node: NodeProto; source: WeightSource }[],
): void {
  const tables = new Map(
    layers
      .filter(({ node }) => node.opType === 'Gather')
      .map(({ source }) => [source.tensor, source]),
  );
  const known = new Map<string, WeightSource | undefined>();
  for (const layer of layers) {
    const { source } = layer;
    if (source.kAxis === 1) continue;
    if (!known.has(source.tensor))
      known.set(
        source.tensor,
        [...tables.values()].find((table) => isTied(index, dir, table, source)),
      );
    const table = known.get(source.tensor);
    if (table) layer.source = { ...table, transpose: null };
  }
}

/** Layers that read the same matrix get the same codes. */
function withSharedTypes(
  chosen: ReadonlyMap<Unit, { node: NodeProto; source: WeightSource; type: WeightType }>,
  { form }: WeightOnlySettings,
): Map<Unit, PackedLayer> {
  const groups = new Map<string, { node: NodeProto; type: WeightType }[]>();
  const key = ({ tensor, kAxis }: WeightSource) => `${tensor}|${kAxis}`;
  for (const { node, source, type } of chosen.values()) {
    const group = groups.get(key(source)) ?? [];
    group.push({ node, type: allowed(node, source, type, form) });
    groups.set(key(source), group);
  }
  const layers = new Map<Unit, PackedLayer>();
  for (const [unit, { node, source }] of chosen) {
    const group = groups.get(key(source))!;
    const widest = group.reduce((a, b) => (bitsOf(b.type) > bitsOf(a.type) ? b : a));
    const ops = new Set(group.map((member) => member.node.opType === 'Gather'));
    layers.set(unit, { node, source, type: widest.type, tied: ops.size === 2 });
  }
  return layers;
}

/** A table in 4 bits needs rows of whole bytes, and a Gather that takes them. */
function allowed(
  node: NodeProto,
  { k }: WeightSource,
  type: WeightType,
  form: WeightOnlySettings['form'],
): WeightType {
  if (node.opType !== 'Gather' || bitsOf(type) === 8) return type;
  if (form === 'matmul-nbits' && k % 2 === 0) return type;
  return type === 'int4' ? 'int8' : 'uint8';
}

/** The reason why weights cannot be packed, or null after doing it. */
function tried(write: () => void): string | null {
  try {
    write();
    return null;
  } catch (error) {
    if (error instanceof NotFinite) return error.message;
    throw error;
  }
}

function finish(model: Model, index: GraphIndex, layers: readonly PackedLayer[]): void {
  for (const { transpose } of layers.map(({ source }) => source))
    if (transpose && index.consumers(transpose.output[0]!).length === 0)
      index.removeNode(transpose);
  if (model.graph.node.some((n) => n.domain === CONTRIB)) model.setDomainVersion(CONTRIB, 1);
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
}
