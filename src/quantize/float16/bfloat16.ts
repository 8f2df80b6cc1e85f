import { toBfloat16Array } from '../../numeric';
import {
  allNodes,
  elementTypeNumber,
  floatData,
  isDefaultDomain,
  makeInt,
  makeNode,
  makeTensor,
  subgraphs,
  tensorDims,
  tensorType,
  topologicalOrder,
  type GraphProto,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { because, digits, type FloatReason } from './reasons';
import { FreshNames } from './scope';

/** Largest value that does not become infinite as bfloat16. */
const BFLOAT16_MAX = 3.3953138e38;

/** Operators with weights, and the slots in which these stand. */
const WEIGHT_SLOTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1],
  ConvTranspose: [1],
  Gemm: [1],
  MatMul: [0, 1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
  Gather: [0],
  Attention: [1],
  FusedConv: [1],
  FusedGemm: [1],
  FusedMatMul: [1],
};

/** A model whose weights are stored as bfloat16, and why others are not. */
export interface WrittenBfloat16 {
  model: Model;
  /** Nodes (by name) whose weights are bfloat16. */
  stored: Set<string>;
  /** Why the weights of others are not. */
  reasons: Map<string, FloatReason>;
}

/**
 * Stores the weights of a prepared model as bfloat16. onnxruntime's CPU provider moves bfloat16 and computes with none of
 * it, ONNX itself has no bfloat16 Conv before opset 22, and the Node binding cannot carry it: so a Cast to float32 stands
 * behind each weight, which the runtime computes once as it loads, and all arithmetic is float32.
 * 1. Weights of Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN become bfloat16 with a Cast, inside bodies too.
 * 2. A table that Gather reads stays bfloat16 in memory: the Cast stands behind the Gather.
 * 3. Biases, factors, tables of positions and all other constants stay float32: they are few bytes, and bfloat16 has
 *    8 bits. Of range there is enough, but for what float32 itself just holds (−3.4028e38 would become infinite).
 * Does nothing to a weight that another node reads in another way, or that is in `keep`.
 * @param keep nodes that stay as they are, by name
 */
export function storeAsBfloat16(
  prepared: Model,
  keep: ReadonlyMap<string, FloatReason>,
): WrittenBfloat16 {
  const model = prepared.copy();
  const names = new FreshNames(model.graph);
  const stored = new Set<string>();
  const reasons = new Map<string, FloatReason>(keep);
  const inner = [...allNodes(model.graph)].flatMap(subgraphs);
  for (const graph of [model.graph, ...inner]) {
    const uses = usesOf(graph);
    for (const [i, tensor] of graph.initializer.entries()) {
      const readers = uses.get(tensor.name) ?? [];
      if (tensorType(tensor) !== 'float32' || readers.length === 0) continue;
      const why = whyNot(model, tensor, readers, keep);
      if (why) {
        for (const { node } of readers) if (!keep.has(node.name)) reasons.set(node.name, why);
        continue;
      }
      graph.initializer[i] = store(model, graph, tensor, readers, names);
      for (const { node } of readers) stored.add(node.name);
    }
    graph.node = topologicalOrder(graph);
  }
  for (const name of stored) reasons.delete(name);
  return { model, stored, reasons };
}

interface Use {
  node: NodeProto;
  slot: number;
}

/** Readers of every tensor of a graph; what a body or an output reads counts as slot −1. */
function usesOf(graph: GraphProto): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  const add = (name: string, use: Use) => {
    const list = uses.get(name);
    if (list) list.push(use);
    else uses.set(name, [use]);
  };
  for (const node of graph.node) {
    for (const [slot, name] of node.input.entries()) add(name, { node, slot });
    for (const body of subgraphs(node))
      for (const inside of allNodes(body))
        for (const name of inside.input) add(name, { node, slot: -1 });
  }
  for (const { name } of graph.output) uses.delete(name);
  return uses;
}

function whyNot(
  model: Model,
  tensor: TensorProto,
  readers: readonly Use[],
  keep: ReadonlyMap<string, FloatReason>,
): FloatReason | null {
  const other = readers.find(({ node, slot }) => !isWeight(node, slot));
  if (other || tensorDims(tensor).length < 2)
    return because('weight-small', `'${tensor.name}' is no weight, and bfloat16 has 8 bits`);
  const kept = readers.map(({ node }) => keep.get(node.name)).find((why) => why !== undefined);
  if (kept) return kept;
  let largest = 0;
  for (const x of floatData(tensor, model.dir))
    if (x - x === 0 && Math.abs(x) > largest) largest = Math.abs(x);
  if (largest <= BFLOAT16_MAX) return null;
  return because(
    'weight-range',
    `'${tensor.name}' holds ${digits(largest)}, which is infinite as bfloat16`,
    largest,
  );
}

function isWeight(node: NodeProto, slot: number): boolean {
  if (!isDefaultDomain(node.domain) && node.domain !== 'com.microsoft') return false;
  return WEIGHT_SLOTS[node.opType]?.includes(slot) ?? false;
}

/** The tensor as bfloat16; its readers get a Cast before them, or behind them where they only choose rows. */
function store(
  model: Model,
  graph: GraphProto,
  tensor: TensorProto,
  readers: readonly Use[],
  names: FreshNames,
): TensorProto {
  const bits = toBfloat16Array(floatData(tensor, model.dir));
  const name = names.make(`${tensor.name}_bfloat16`);
  const gathers = readers.filter(({ node }) => node.opType === 'Gather');
  for (const { node, slot } of gathers) {
    node.input[slot] = name;
    const rows = names.make(`${node.output[0]!}_bfloat16`);
    graph.node.push(castToFloat(names, rows, node.output[0]!));
    node.output[0] = rows;
  }
  if (gathers.length < readers.length) graph.node.push(castToFloat(names, name, tensor.name));
  return model.parked(makeTensor(name, 'bfloat16', tensorDims(tensor), bits));
}

function castToFloat(names: FreshNames, from: string, to: string): NodeProto {
  const type = makeInt('to', elementTypeNumber('float32'));
  return makeNode({
    opType: 'Cast',
    name: names.make(`${from}/Cast`),
    inputs: [from],
    outputs: [to],
    attributes: [type],
  });
}
