import {
  allNodes,
  bodiesOf,
  elementTypeNumber,
  intAttribute,
  isDefaultDomain,
  ScopedIndex,
  tensorType,
  type ElementType,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../onnx';
import { inferGraphs } from '../onnx/shapes';
import { isPackedAttention } from '../quantize/packed-attention';
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
  /** True where of its products only that with its weight is integer. */
  onlyWeight?: boolean;
  /** True where it computes in float with weights that come from codes. */
  roundedWeights?: true;
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
  const kernelOf = nodeKernels(optimized);
  const executed = new Map([...all].map(([name, node]) => [name, kernelOf(node)]));
  const fromCodes = constantsFromCodes(optimized);
  for (const unit of units) {
    const runs = executed.get(unit.name);
    if (
      unit.weight &&
      runs?.precision === 'float32' &&
      all.get(unit.name)!.input.some((tensor) => fromCodes.has(tensor))
    )
      executed.set(unit.name, { ...runs, roundedWeights: true });
    const apart = isRecurrent(unit.node) ? executedApart(optimized, unit.name) : null;
    if (apart) executed.set(unit.name, apart);
    const own = executed.get(unit.name);
    if (own?.kernel.startsWith('MatMulNBits') && isPackedAttention(unit.node))
      executed.set(unit.name, { ...own, onlyWeight: own.integerShare !== 0 });
  }
  return executed;
}

/** How the runtime executes each node of its optimized graph. */
export function nodeKernels(optimized: Model): (node: NodeProto) => Executed {
  const integers = integerTensors(optimized);
  const halves = halfTensors(optimized);
  return (node) => inHalf(executedAs(node, integers), node, halves);
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
  const packedOnes = new Set<string>();
  for (const node of allNodes(optimized.graph)) {
    // tied layers read one weight: here the name is surer
    if (PACKED_KERNELS.has(node.opType) && byName.has(node.name)) {
      found.set(node.name, node);
      packedOnes.add(node.name);
      continue;
    }
    for (const key of nodeKeys(node)) {
      const name = keys.get(key);
      if (name === undefined || packedOnes.has(name)) continue;
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

/** What tensors are called in other forms: as codes, before rounding, in half precision. */
const FORMS = ['quantized', 'unquantized', 'unrounded', 'float16', 'bfloat16'];

/** Every name by which the optimized graph may still know a layer. Weights first: they are the surest. */
function unitKeys(units: readonly Unit[]): Map<string, string> {
  const keys = new Map<string, string>();
  const shared = new Set<string>();
  for (const unit of units) {
    // branches may give their tensors the same names, never their nodes
    const tensors = [unit.node, unit.biasNode, unit.activation].flatMap((n) =>
      n ? [n.name, ...(unit.body ? [] : n.output)] : [],
    );
    const names = [...tensors, ...tensors.flatMap((t) => FORMS.map((form) => `${t}_${form}`))];
    if (unit.weight)
      names.push(
        ...['', ...FORMS.map((form) => `_${form}`)].map((f) => `weight:${unit.weight!.tensor}${f}`),
      );
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
    ...weights.flatMap((name) => [`weight:${name}`, `weight:${originalName(name)}`]),
    ...[node.name, ...node.output].flatMap((name) => [name, originalName(name)]),
  ];
}

/**
 * A name without what layout optimizations append, moving a QuantizeLinear past it (`_pre_q`), taking a bias into a
 * MatMul, a DequantizeLinear for every reader (`/duplicated`), and what the runtime puts before what it makes float32 (`InsertedPrecisionFreeCast_`, `FusedBack_`).
 */
export function originalName(name: string): string {
  return name
    .replace(/(_token_\d+|_nchwc|_nhwc|_pre_q|\/MatMulAddFusion|\/duplicated)+$/, '')
    .replace(/^(InsertedPrecisionFreeCast_|InsertedCast_|FusedBack_)+/, '');
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

function executedAs(node: NodeProto, integers: ReadonlyMap<string, CodeWidth>): Executed {
  const domain = isDefaultDomain(node.domain)
    ? ''
    : `${node.domain.replace('com.microsoft', 'ms')}.`;
  const kernel = `${domain}${node.opType}`.replace('ms.nchwc.', 'nchwc.').replace('ms.', '');
  if (INTEGER_KERNELS.has(node.opType)) return { precision: 'int8', kernel };
  if (PACKED_KERNELS.has(node.opType)) return packed(node, kernel);
  if (node.opType === 'QAttention') return { precision: 'mixed', kernel, onlyWeight: true };
  const moved = MOVERS.has(node.opType) ? integers.get(node.input[0] ?? '') : undefined;
  if (moved) return { precision: moved, kernel };
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

/** Operators that a constant may pass on its way to what multiplies by it. */
const RESHAPERS = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);

/** Floats that a DequantizeLinear makes of constant codes, whole tensors alone; biases of 32 bits are none. */
function constantsFromCodes(model: Model): Set<string> {
  const codes = new Set<string>();
  const floats = new Set<string>();
  for (const { initializer } of graphsOf(model))
    for (const t of initializer) if (/^u?int(4|8|16)$/.test(tensorType(t))) codes.add(t.name);
  for (const { opType, input, output } of allNodes(model.graph)) {
    const from = input[0] ?? '';
    if (opType === 'DequantizeLinear' ? codes.has(from) : RESHAPERS.has(opType) && floats.has(from))
      for (const name of output) floats.add(name);
    if (RESHAPERS.has(opType) && codes.has(from)) for (const name of output) codes.add(name);
  }
  return floats;
}

type CodeWidth = 'int8' | 'int16';

/** Tensors that hold codes of 8 or 16 bits when the graph runs. */
function integerTensors(model: Model): Map<string, CodeWidth> {
  const integers = new Map<string, CodeWidth>();
  for (const graph of graphsOf(model))
    for (const t of graph.initializer) {
      const type = tensorType(t);
      if (type === 'uint8' || type === 'int8') integers.set(t.name, 'int8');
      if (type === 'uint16' || type === 'int16') integers.set(t.name, 'int16');
    }
  for (const node of allNodes(model.graph)) {
    const width = widthOf(node, integers);
    if (width) for (const output of node.output) integers.set(output, width);
  }
  return integers;
}

function widthOf(node: NodeProto, integers: ReadonlyMap<string, CodeWidth>): CodeWidth | undefined {
  if (node.opType === 'QuantizeLinear') return integers.get(node.input[2] ?? '') ?? 'int8';
  if (/^(QLinear|Nhwc)/.test(node.opType) && INTEGER_KERNELS.has(node.opType)) return 'int8';
  if (!MOVERS.has(node.opType) || node.opType === 'DequantizeLinear') return undefined;
  return integers.get(node.input[0] ?? '');
}

function graphsOf({ graph }: Model): GraphProto[] {
  return [graph, ...bodiesOf(graph).map((body) => body.graph)];
}

type Half = 'float16' | 'bfloat16';
const HALVES: readonly ElementType[] = ['float16', 'bfloat16'] satisfies Half[];
const HALF_NUMBERS = HALVES.map(elementTypeNumber);

/** Tensors in half precision when the graph runs: the runtime makes most of them float32. */
function halfTensors(model: Model): Map<string, Half> {
  const halves = new Map<string, Half>();
  const constant = graphsOf(model).some((g) =>
    g.initializer.some((t) => HALVES.includes(tensorType(t))),
  );
  if (!constant && !castsToHalf(model)) return halves;
  for (const types of inferGraphs(model).values())
    for (const [name, { type }] of types)
      if (type === 'float16' || type === 'bfloat16') halves.set(name, type);
  return halves;
}

function castsToHalf({ graph }: Model): boolean {
  for (const node of allNodes(graph))
    if (node.opType === 'Cast' && HALF_NUMBERS.includes(intAttribute(node, 'to', 0))) return true;
  return false;
}

function inHalf(executed: Executed, node: NodeProto, halves: ReadonlyMap<string, Half>): Executed {
  const half = halves.get(node.output[0] ?? '') ?? halves.get(node.input[0] ?? '');
  return executed.precision === 'float32' && half ? { ...executed, precision: half } : executed;
}
