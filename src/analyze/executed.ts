import {
  allNodes,
  bodiesOf,
  intAttribute,
  isDefaultDomain,
  ScopedIndex,
  tensorType,
  type Model,
  type NodeProto,
} from '../onnx';
import { isRecurrent } from '../quantize/recurrent';
import type { Unit } from '../quantize/units';
import { executedApart } from './executed-apart';
import type { Precision } from '../results';

/** How the runtime executes one layer. */
export interface Executed {
  precision: Precision;
  /** Operator of the kernel, with its domain's short name where it is not ONNX's own. */
  kernel: string;
  /** Share of its multiply-accumulates in integer kernels, where they are not all of one kind. */
  integerShare?: number;
}

/** Kernels that multiply or move 8-bit integers. */
const INTEGER_KERNELS = new Set([
  'QLinearConv',
  'ConvInteger',
  'QGemm',
  'QLinearMatMul',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'DynamicQuantizeLSTM',
  'QLinearAdd',
  'QLinearMul',
  'QLinearConcat',
  'QLinearAveragePool',
  'QLinearGlobalAveragePool',
  'QLinearLeakyRelu',
  'QLinearSigmoid',
  'QLinearSoftmax',
  'QLinearWhere',
  'NhwcMaxPool',
]);
/** Kernels that read packed weights of so many bits as their attribute `bits` says; 4 where it is left out. */
const PACKED_KERNELS = new Set(['MatMulNBits', 'GatherBlockQuantized']);
/** Nodes that convert, move or view: never what executes a layer, unless the layer itself is one of them. */
const SERVANTS = new Set([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'Transpose',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'ReorderInput',
  'ReorderOutput',
  'Cast',
  'Identity',
  'Relu',
  'Clip',
]);
/** Operators that pass integers on when they get integers. */
const MOVERS = new Set([
  ...SERVANTS,
  'MaxPool',
  'Resize',
  'Slice',
  'Split',
  'Gather',
  'Concat',
  'Expand',
  'Tile',
  'DepthToSpace',
]);

/** How the runtime executes every layer. Layers that cannot be found are missing from the answer. */
export function executedKernels(
  optimized: Model,
  units: readonly Unit[],
  prepared: Model,
): Map<string, Executed> {
  const all = executingNodes(optimized, units, prepared);
  const integers = integerTensors(optimized);
  const executed = new Map([...all].map(([name, node]) => [name, executedAs(node, integers)]));
  for (const unit of units) {
    const apart = isRecurrent(unit.node) ? executedApart(optimized, unit.name) : null;
    if (apart) executed.set(unit.name, apart);
  }
  return executed;
}

/**
 * Finds for every layer the node of the runtime's optimized graph that executes it, by the names of nodes, results
 * and weights that survive optimization, and for those that it fused into others by where they stand. Layers that cannot
 * be found are missing from the answer.
 */
export function executingNodes(
  optimized: Model,
  units: readonly Unit[],
  prepared: Model,
): Map<string, NodeProto> {
  const keys = unitKeys(units);
  const byName = new Map(units.map((u) => [u.name, u]));
  const found = new Map<string, NodeProto>();
  for (const node of allNodes(optimized.graph)) {
    // tied layers read one weight: here the name is surer
    if (PACKED_KERNELS.has(node.opType) && byName.has(node.name)) {
      found.set(node.name, node);
      continue;
    }
    for (const key of nodeKeys(node)) {
      const name = keys.get(key);
      if (name === undefined) continue;
      const unit = byName.get(name)!;
      if (SERVANTS.has(node.opType) && unit.op !== node.opType) continue;
      if (!found.has(name) || isMain(node, unit)) found.set(name, node);
      break;
    }
  }
  return new Map([...found, ...fusedInto(optimized, units, prepared, found)]);
}

/**
 * The nodes into which the runtime fused layers that have lost their names.
 * 1. Downstream: the first node whose result both graphs know (a ReduceMean inside a LayerNormalization), unless it is
 *    that of a layer with a weight, which takes nothing in that comes before it.
 * 2. Else upstream: the nearest layer that was found (an Add inside the convolution before it).
 */
function fusedInto(
  optimized: Model,
  units: readonly Unit[],
  prepared: Model,
  found: ReadonlyMap<string, NodeProto>,
): Map<string, NodeProto> {
  const known = new Map(
    [...allNodes(optimized.graph)].flatMap((n) => n.output.map((o) => [o, n] as const)),
  );
  const indexes = new ScopedIndex(prepared.graph);
  const byNode = new Map(units.map((u) => [u.node, u]));
  const owners = new Map(units.flatMap((u) => [u.biasNode, u.activation].map((n) => [n, u])));
  const weighted = new Set(units.flatMap((u) => (u.weight ? (found.get(u.name) ?? []) : [])));
  const isFound = (node: NodeProto) => {
    const unit = byNode.get(node) ?? owners.get(node);
    return unit && found.get(unit.name);
  };

  const downstream = (unit: Unit): NodeProto | undefined => {
    const index = indexes.of(unit.body);
    return search([unit.output], (tensor) => {
      const host = known.get(tensor);
      if (host && !SERVANTS.has(host.opType) && !weighted.has(host)) return host;
      const readers = index.consumers(tensor).filter((reader) => !byNode.get(reader)?.weight);
      return readers.flatMap((reader) => reader.output);
    });
  };
  const upstream = (unit: Unit): NodeProto | undefined => {
    const index = indexes.of(unit.body);
    return search([...unit.node.input], (tensor) => {
      const producer = index.producer(tensor);
      return producer ? (isFound(producer) ?? producer.input) : [];
    });
  };

  return new Map(
    units.flatMap((unit) => {
      if (found.has(unit.name)) return [];
      const node = downstream(unit) ?? upstream(unit);
      return node ? [[unit.name, node] as const] : [];
    }),
  );
}

/** How far a layer is looked for. */
const MOST_TENSORS = 200;

/** Breadth-first from tensor to tensor; `next` gives what was looked for, or where to go on. */
function search(
  from: readonly string[],
  next: (tensor: string) => NodeProto | readonly string[],
): NodeProto | undefined {
  const seen = new Set(from);
  for (const tensor of seen) {
    const step = next(tensor);
    if (!isList(step)) return step;
    if (seen.size > MOST_TENSORS) return undefined;
    step.forEach((name) => seen.add(name));
  }
  return undefined;
}

function isList(step: NodeProto | readonly string[]): step is readonly string[] {
  return Array.isArray(step);
}

/** Every name by which the optimized graph may still know a layer. Weights first: they are the surest. */
function unitKeys(units: readonly Unit[]): Map<string, string> {
  const keys = new Map<string, string>();
  const shared = new Set<string>();
  for (const unit of units) {
    // branches may give their tensors the same names, never their nodes
    const tensors = [unit.node, unit.biasNode, unit.activation].flatMap((n) =>
      n ? [n.name, ...(unit.body ? [] : n.output)] : [],
    );
    const names = [...tensors, ...tensors.flatMap((t) => [`${t}_quantized`, `${t}_unquantized`])];
    if (unit.weight)
      names.push(`weight:${unit.weight.tensor}`, `weight:${unit.weight.tensor}_quantized`);
    for (const name of names) {
      if (name.startsWith('weight:') && keys.has(name) && keys.get(name) !== unit.name)
        shared.add(name);
      if (!keys.has(name)) keys.set(name, unit.name);
    }
  }
  for (const name of shared) keys.delete(name);
  return keys;
}

function nodeKeys(node: NodeProto): string[] {
  const weights = node.input.slice(1).filter((name) => name !== '');
  return [
    ...weights.map((name) => `weight:${name}`),
    ...[node.name, ...node.output].flatMap((name) => [name, original(name)]),
  ];
}

/**
 * A name without what layout optimizations append, moving a QuantizeLinear past it (`_pre_q`), and taking a bias into a
 * MatMul.
 */
function original(name: string): string {
  return name.replace(/(_token_\d+|_nchwc|_nhwc|_pre_q|\/MatMulAddFusion)+$/, '');
}

/** True where the node is the layer's own operator or its integer form rather than a helper. */
function isMain(node: NodeProto, unit: Unit): boolean {
  return (
    node.opType === unit.op ||
    node.opType.includes(unit.op) ||
    INTEGER_KERNELS.has(node.opType) ||
    PACKED_KERNELS.has(node.opType)
  );
}

function executedAs(node: NodeProto, integers: ReadonlySet<string>): Executed {
  const domain = isDefaultDomain(node.domain)
    ? ''
    : `${node.domain.replace('com.microsoft', 'ms')}.`;
  const kernel = `${domain}${node.opType}`.replace('ms.nchwc.', 'nchwc.').replace('ms.', '');
  if (INTEGER_KERNELS.has(node.opType)) return { precision: 'int8', kernel };
  if (PACKED_KERNELS.has(node.opType)) return packed(node, kernel);
  if (MOVERS.has(node.opType) && integers.has(node.input[0] ?? ''))
    return { precision: 'int8', kernel };
  return { precision: 'float32', kernel };
}

/**
 * How packed weights are multiplied: at accuracy level 4 with activations rounded to int8, on CPUs that have the kernel
 * (x86-64 since AVX2, ARM with dot products).
 */
function packed(node: NodeProto, kernel: string): Executed {
  const precision = intAttribute(node, 'bits', 4) === 4 ? 'int4' : 'int8';
  if (node.opType !== 'MatMulNBits') return { precision, kernel };
  return intAttribute(node, 'accuracy_level', 0) === 4
    ? { precision, kernel: `${kernel}, int8 activations` }
    : { precision, kernel: `${kernel}, float activations`, integerShare: 0 };
}

/** Tensors that hold 8-bit codes when the graph runs. */
function integerTensors(model: Model): Set<string> {
  const integers = new Set<string>();
  for (const graph of [model.graph, ...bodiesOf(model.graph).map((body) => body.graph)])
    for (const t of graph.initializer)
      if (['uint8', 'int8'].includes(tensorType(t))) integers.add(t.name);
  for (const node of allNodes(model.graph)) {
    const writes =
      node.opType === 'QuantizeLinear' ||
      (/^(QLinear|Nhwc)/.test(node.opType) && INTEGER_KERNELS.has(node.opType)) ||
      (MOVERS.has(node.opType) &&
        node.opType !== 'DequantizeLinear' &&
        integers.has(node.input[0] ?? ''));
    if (writes) node.output.forEach((o) => integers.add(o));
  }
  return integers;
}
