import {
  elementBits,
  GraphIndex,
  isDefaultDomain,
  tensorType,
  valueType,
  type Model,
  type NodeProto,
} from '../../onnx';
import type { PassContext } from '../../quantize/context';
import { floatReason, integerRule, operatorKey } from '../../quantize/operators';
import type { QuantizationBreak } from '../../results';
import { nodeKernels, originalName } from '../executed';
import { sizeOf } from './estimate';
import { named } from './settle';
import { FusionGraph } from './view';

/** What only changes the layout of floats: no node of the file. */
const LAYOUT = new Set(['ReorderInput', 'ReorderOutput']);
const CONVERSIONS = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear']);

/**
 * Float islands between two integer regions of the graph that the runtime executes (DESIGN §5), in graph order.
 * 1. An island is what is connected by float values and computes in float.
 * 2. It is a break where integers enter it (a DequantizeLinear of computed codes, or an integer kernel that writes float) and
 *    a QuantizeLinear leaves it. A DequantizeLinear with a QuantizeLinear right behind it is one without nodes.
 * 3. To blame is the first of its nodes that has no integer kernel, or else the first one, as the file has it: an operator that
 *    the runtime wrote out as others is still that operator.
 * 4. Codes that are only written anew are the layer's that gives them.
 * Bodies of If, Loop and Scan are not looked at.
 */
export function quantizationBreaks(
  executed: Model,
  source: Model,
  context: PassContext,
): QuantizationBreak[] {
  const index = new GraphIndex(executed.graph);
  const kernelOf = nodeKernels(executed);
  const origin = new FusionGraph(source);
  const floats = (node: NodeProto) =>
    !CONVERSIONS.has(node.opType) && kernelOf(node).precision === 'float32';
  const computed = (tensor: string) =>
    index.producer(tensor) !== undefined || index.isGraphInput(tensor);
  const bytesOf = floatBytes(executed, origin);
  const position = new Map(executed.graph.node.map((node, i) => [node, i]));

  const seen = new Set<NodeProto>();
  const breaks: QuantizationBreak[] = [];
  for (const start of executed.graph.node) {
    if (seen.has(start)) continue;
    if (start.opType === 'DequantizeLinear' && computed(start.input[0]!)) {
      const quantize = index
        .consumers(start.output[0]!)
        .filter((n) => n.opType === 'QuantizeLinear');
      for (const q of quantize) breaks.push(describe([], [start, q]));
    }
    if (!floats(start)) continue;
    const island = connected(index, start, floats);
    for (const node of island) seen.add(node);
    const members = [...island];
    const makers = members.flatMap((n) => n.input.flatMap((t) => index.producer(t) ?? []));
    const readers = members.flatMap((n) => n.output.flatMap((t) => index.consumers(t)));
    const entries = [...new Set(makers)].filter(
      (n) => n.opType === 'DequantizeLinear' && computed(n.input[0]!),
    );
    const kernels = makers.some(
      (n) => !CONVERSIONS.has(n.opType) && kernelOf(n).precision === 'int8',
    );
    const exits = [...new Set(readers)].filter(
      (n) => n.opType === 'QuantizeLinear' || n.opType === 'DynamicQuantizeLinear',
    );
    if (exits.length === 0 || (entries.length === 0 && !kernels)) continue;
    members.sort((a, b) => position.get(a)! - position.get(b)!);
    breaks.push(describe(members, [...entries, ...exits]));
  }
  return breaks;

  function describe(
    nodes: readonly NodeProto[],
    conversions: readonly NodeProto[],
  ): QuantizationBreak {
    const fileNodes = nodes
      .filter((node) => !LAYOUT.has(node.opType))
      .map((node) => fileNode(origin, index, node) ?? node);
    const without = fileNodes.find((n) => !integerRule(n.opType, n.domain));
    const blamed = without ?? fileNodes[0];
    const bytes = conversions.map((node) => {
      const floating = bytesOf(node);
      const zero = index.initializer(node.input[2] ?? '');
      const code = zero ? elementBits(tensorType(zero)) / 8 : 1;
      return floating === null ? null : (floating / 4) * (4 + code);
    });
    return {
      nodes: nodes.map(named),
      layer: blamed?.name
        ? context.hostOf(blamed.name)
        : layerAround(origin, context, conversions.at(-1)!),
      conversions: conversions.map((node) => ({
        ...named(node),
        tensor: fileFloats(origin, node),
      })),
      bytes: bytes.reduce<number | null>(
        (sum, b) => (sum === null || b === null ? null : sum + b),
        0,
      ),
      ...why(blamed, without !== undefined),
      conversionMs: null,
      floatMs: null,
    };
  }
}

function why(
  blamed: NodeProto | undefined,
  noKernel: boolean,
): Pick<QuantizationBreak, 'code' | 'op' | 'reason' | 'remedy'> {
  if (!blamed)
    return {
      code: 'rescaled',
      op: '',
      reason: 'the codes are only written anew, with another scale or zero point',
      remedy: 'Give both sides the same range.',
    };
  const op = operatorKey(blamed.opType, blamed.domain);
  if (!noKernel)
    return {
      code: 'kept-float',
      op,
      reason: `${op} could run in integers, and is written in float here`,
      remedy: 'Let it be quantized: take it out of keep_fp32, or give it a range.',
    };
  return {
    code: 'no-kernel',
    op,
    reason: isDefaultDomain(blamed.domain)
      ? floatReason(blamed.opType, blamed.domain)
      : `${op} runs in float`,
    remedy: `Put an operator with an integer kernel in the place of ${op}, or keep the layers around it in float, which saves the conversions.`,
  };
}

/** The floats that a conversion reads or writes. */
function floatSide(node: NodeProto): string {
  return node.opType === 'DequantizeLinear' ? node.output[0]! : node.input[0]!;
}

/** The node of the file that has a name of one of the runtime's, or gives a result of its. */
function namesake(source: FusionGraph, node: NodeProto): NodeProto | undefined {
  const names = [...node.output, node.name].flatMap((name) => [name, originalName(name)]);
  return names.map((name) => fileProducer(source, name)).find((n) => n !== undefined);
}

/**
 * The node of the file that one of the runtime's is of: its namesake, or for one without a name, which an operator was written
 * out as, the node whose result the next namesake behind it reads there.
 */
function fileNode(source: FusionGraph, index: GraphIndex, node: NodeProto): NodeProto | undefined {
  const own = namesake(source, node);
  if (own) return own;
  const nameless = new Set([node]);
  for (const one of nameless)
    for (const output of one.output)
      for (const reader of index.consumers(output)) {
        const there = namesake(source, reader);
        const made = there && source.maker(there.input[reader.input.indexOf(output)]);
        if (made && !CONVERSIONS.has(made.opType)) return made;
        if (!there) nameless.add(reader);
      }
  return undefined;
}

/** The layer that gives what a conversion writes; of a model's input, the first layer that reads it. */
function layerAround(source: FusionGraph, context: PassContext, conversion: NodeProto): string {
  const start = namesake(source, conversion) ?? conversion;
  const next = (of: (node: NodeProto) => (NodeProto | undefined)[]): NodeProto | undefined => {
    const seen = new Set([start]);
    for (const node of seen) {
      if (!CONVERSIONS.has(node.opType)) return node;
      for (const one of of(node)) if (one) seen.add(one);
    }
    return undefined;
  };
  const layer =
    next((node) => [source.maker(node.input[0])]) ??
    next((node) => source.readers(node.output[0]!));
  return layer ? context.hostOf(layer.name) : fileFloats(source, conversion);
}

/** A node of the file by its result or, where the runtime called a result by it, its own name. */
function fileProducer(source: FusionGraph, name: string): NodeProto | undefined {
  return source.producer(name) ?? source.named(name);
}

/** What the file calls the floats of a conversion of the runtime's graph. */
function fileFloats(source: FusionGraph, conversion: NodeProto): string {
  const own = namesake(source, conversion);
  if (own?.opType === conversion.opType) return floatSide(own);
  const name = originalName(floatSide(conversion));
  return fileProducer(source, name)?.output[0] ?? name;
}

/** Everything that float values connect with a node. */
function connected(
  index: GraphIndex,
  start: NodeProto,
  floats: (node: NodeProto) => boolean,
): Set<NodeProto> {
  const island = new Set([start]);
  for (const node of island) {
    const around = [
      ...node.input.flatMap((t) => index.producer(t) ?? []),
      ...node.output.flatMap((t) => index.consumers(t)),
    ];
    for (const next of around) if (floats(next)) island.add(next);
  }
  return island;
}

/** Bytes of the floats of a conversion, for one sample. */
function floatBytes(executed: Model, source: FusionGraph): (node: NodeProto) => number | null {
  const declared = new Map(
    [...executed.graph.valueInfo, ...executed.graph.output, ...executed.graph.input].map((v) => [
      v.name,
      valueType(v),
    ]),
  );
  return (conversion) => {
    const own = declared.get(floatSide(conversion));
    const size = own ? sizeOf(own) : null;
    if (size !== null) return size;
    const info = source.info(fileFloats(source, conversion));
    return info ? sizeOf(info) : null;
  };
}
