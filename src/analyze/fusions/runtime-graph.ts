import { allNodes, type Model, type NodeProto } from '../../onnx';
import type { FusionCandidate } from '../../results';
import { nodeKernels, originalName } from '../executed';
import { SourceGraph } from '../source-graph';
import { FUSIONS } from './table';

/** Which of a group is still a node of its own, or the node that does the work of all (null where none needs to). */
export type Found = { left: NodeProto } | { into: NodeProto | null };

/** A node that views or moves what the one before it computed. */
const SERVANTS = new Set(['Reshape', 'Transpose', 'ReorderOutput', 'ReorderInput']);
/** What a group may become in a quantized model. */
const INTEGER = /^(QLinear.*|QGemm|MatMulInteger.*|DynamicQuantizeMatMul)$/;
/** How far behind a group its node is looked for, in tensors. */
const FAR = 60;

/** A graph that the runtime wrote, asked about groups of nodes of the file. */
export class RuntimeGraph {
  private readonly byOutput = new Map<string, NodeProto>();
  private readonly byName = new Map<string, NodeProto[]>();
  /** Tensors that a QuantizeLinear reads. */
  private readonly quantized = new Set<string>();
  private readonly source: SourceGraph;
  private readonly kernelOf: ReturnType<typeof nodeKernels>;

  constructor(executed: Model, source: Model) {
    this.source = new SourceGraph(source);
    this.kernelOf = nodeKernels(executed);
    for (const node of allNodes(executed.graph)) {
      if (node.opType === 'QuantizeLinear') this.quantized.add(node.input[0]!);
      for (const output of node.output) {
        this.byOutput.set(output, node);
        const name = originalName(output);
        if (!this.byOutput.has(name)) this.byOutput.set(name, node);
      }
      const name = originalName(node.name);
      const same = this.byName.get(name);
      if (same) same.push(node);
      else this.byName.set(name, [node]);
    }
  }

  /** What became of a group. @param group its nodes in the file */
  find(candidate: FusionCandidate, group: readonly NodeProto[]): Found {
    if (candidate.pattern === 'DQ+Operator+Q') return this.findUnit(group);
    const pattern = FUSIONS.find((p) => [p.name, ...(p.also ?? [])].includes(candidate.pattern))!;
    const vanishing = group.filter((node) => candidate.vanishing.includes(node.name));
    const left = vanishing.find(
      (node) => this.nodeOf(node, pattern.into) ?? this.quantizedAnew(node),
    );
    if (left) return { left };
    if (pattern.into.length === 0) return { into: null };
    const into = this.hostOf(group, pattern.into);
    // where other groups need all of it, too, nothing of a group vanishes
    return into ? { into } : { left: vanishing.at(-1) ?? group.at(-1)! };
  }

  /** A node's own node in this graph, on floats or on codes. */
  private nodeOf(node: NodeProto, into: readonly string[] = []): NodeProto | undefined {
    const same = (n: NodeProto) => n.opType === node.opType || n.opType === `QLinear${node.opType}`;
    const named = this.byName.get(node.name)?.find(same);
    if (named) return named;
    const writer = this.byOutput.get(node.output[0]!);
    return writer && same(writer) && !into.includes(writer.opType) ? writer : undefined;
  }

  /**
   * The QuantizeLinear, right behind a DequantizeLinear, that does the work of a node: an activation that its range takes in,
   * on codes that others read without it.
   */
  private quantizedAnew(node: NodeProto): NodeProto | undefined {
    return this.source
      .readers(node.output[0]!)
      .filter(({ opType }) => opType === 'QuantizeLinear')
      .flatMap((quantize) => this.nodeOf(quantize) ?? [])
      .find(({ input }) => this.byOutput.get(input[0]!)?.opType === 'DequantizeLinear');
  }

  /** True where a node runs on codes, or between a DequantizeLinear and a QuantizeLinear. */
  isQuantized(node: NodeProto): boolean {
    const own = this.nodeOf(node);
    if (!own) return false;
    if (own.opType.startsWith('QLinear')) return true;
    const makers = own.input.map((tensor) => this.byOutput.get(tensor)?.opType);
    return makers.includes('DequantizeLinear') || this.quantized.has(own.output[0]!);
  }

  /** The node of another operator that does a node's work under its name: a layer with packed weights, say. */
  insteadOf(node: NodeProto): NodeProto | undefined {
    return this.nodeOf(node) ? undefined : this.byName.get(node.name)?.[0];
  }

  /** The node of one of these operators that does the work of a group. */
  private hostOf(group: readonly NodeProto[], into: readonly string[]): NodeProto | undefined {
    const fits = (node: NodeProto | undefined) =>
      node !== undefined && (into.includes(node.opType) || INTEGER.test(node.opType));
    const onTheWay = group.slice(0, 1).flatMap((node) => this.path(node, new Set(group)));
    for (const name of [...group.map((node) => node.name), ...onTheWay]) {
      const named = this.byName.get(name)?.find(fits);
      if (named) return named;
    }
    const seen = new Set(group.flatMap((node) => node.output).reverse());
    for (const tensor of seen) {
      const writer = this.byOutput.get(tensor);
      if (fits(writer)) return writer;
      const moved = writer && SERVANTS.has(writer.opType);
      const behind = moved ? this.byOutput.get(writer.input[0]!) : undefined;
      if (fits(behind)) return behind;
      if (writer || seen.size > FAR) continue;
      for (const reader of this.source.readers(tensor)) for (const o of reader.output) seen.add(o);
    }
    return undefined;
  }

  /** The node that computed what a node moves or views; that one itself where it is of the group, or none. */
  private behindServants(
    writer: NodeProto | undefined,
    group: readonly NodeProto[],
  ): NodeProto | undefined {
    const own = new Set(group.map(({ opType }) => opType));
    let node = writer;
    while (node && SERVANTS.has(node.opType) && !own.has(node.opType))
      node = this.byOutput.get(node.input[0]!);
    return node ?? writer;
  }

  /** Tensors from a node of a group on to the next one, which may have given the runtime's node its name. */
  private path(node: NodeProto, group: ReadonlySet<NodeProto>): string[] {
    const tensors = [...node.output];
    for (const tensor of tensors) {
      const readers = this.source.readers(tensor);
      if (tensors.length > 6 || readers.some((reader) => group.has(reader))) break;
      tensors.push(...readers.flatMap((reader) => reader.output));
    }
    return [...tensors, ...[...group].flatMap((member) => member.output)];
  }

  /** An operator between conversions runs on codes where its QuantizeLinear is gone, or its kernel is one of integers. */
  private findUnit(group: readonly NodeProto[]): Found {
    const last = group.at(-1)!;
    const writer = this.behindServants(this.byOutput.get(last.output[0]!), group);
    if (last.opType === 'QuantizeLinear') {
      if (writer && writer.opType !== 'QuantizeLinear') return { into: writer };
      return { left: last };
    }
    const host = this.byName.get(last.name)?.[0] ?? writer;
    if (host && this.kernelOf(host).precision !== 'float32') return { into: host };
    return { left: group[0]! };
  }
}
