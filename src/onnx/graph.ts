/** An index of a graph: who produces and who reads every tensor, and the edits that keep it true. */
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './schema';
import { attribute, subgraphs } from './attributes';

/**
 * Producers, consumers, constants and names of one graph. Edits go through its methods; after direct changes
 * of the message make a new index. Tensors that a subgraph (If, Loop, Scan) reads from outside count
 * as read by the node that holds it.
 */
export class GraphIndex {
  private readonly producers = new Map<string, NodeProto>();
  private readonly readers = new Map<string, Set<NodeProto>>();
  private readonly constants = new Map<string, TensorProto>();
  private readonly infos = new Map<string, ValueInfoProto>();
  private readonly names = new Set<string>();
  /** The number to try next behind a name that was asked for before. */
  private readonly numbers = new Map<string, number>();
  /** Nodes that leave the graph's list when the batch ends; null outside one. */
  private leaving: Set<NodeProto> | null = null;
  private readonly inputNames: Set<string>;
  private readonly outputNames: Set<string>;

  /** @param outer index of the graph around this one, if it is a body: its constants count, and its names are taken */
  constructor(
    readonly graph: GraphProto,
    private readonly outer: GraphIndex | null = null,
  ) {
    this.inputNames = new Set(graph.input.map((v) => v.name));
    this.outputNames = new Set(graph.output.map((v) => v.name));
    for (const t of graph.initializer) this.constants.set(t.name, t);
    for (const list of [graph.valueInfo, graph.output, graph.input])
      for (const info of list) this.infos.set(info.name, info);
    for (const node of graph.node) this.link(node);
    for (const name of [...this.inputNames, ...this.constants.keys(), ...this.infos.keys()])
      this.names.add(name);
  }

  /** The node that writes a tensor; undefined for inputs and initializers. */
  producer(tensor: string): NodeProto | undefined {
    return this.producers.get(tensor);
  }

  /** The nodes that read a tensor, each once, in no particular order. */
  consumers(tensor: string): NodeProto[] {
    return [...(this.readers.get(tensor) ?? [])];
  }

  /** The initializer of that name, if there is one. */
  initializer(tensor: string): TensorProto | undefined {
    const own = this.constants.get(tensor);
    if (own || !this.outer || this.defines(tensor)) return own;
    return this.outer.initializer(tensor);
  }

  isConstant(tensor: string): boolean {
    return this.initializer(tensor) !== undefined;
  }

  isGraphInput(tensor: string): boolean {
    return this.inputNames.has(tensor) && !this.constants.has(tensor);
  }

  isGraphOutput(tensor: string): boolean {
    return this.outputNames.has(tensor);
  }

  /** Declared type of a tensor, if the file says one. */
  valueInfo(tensor: string): ValueInfoProto | undefined {
    return this.infos.get(tensor);
  }

  /** A name that no tensor or node of the graph, or of one inside it, has, made from `base`. */
  freshName(base: string): string {
    if (this.outer) return this.outer.freshName(base);
    let name = base;
    let i = this.numbers.get(base) ?? 1;
    for (; this.names.has(name); i++) name = `${base}_${i}`;
    if (name !== base) this.numbers.set(base, i);
    this.names.add(name);
    return name;
  }

  /** Adds an initializer and returns its name. */
  addInitializer(tensor: TensorProto): string {
    this.graph.initializer.push(tensor);
    this.constants.set(tensor.name, tensor);
    this.names.add(tensor.name);
    return tensor.name;
  }

  /** Adds a node after `after` (or before everything with null, at the end with undefined). */
  insertNode(node: NodeProto, after?: NodeProto | null): void {
    this.leaving?.delete(node);
    const at =
      after === null
        ? 0
        : after === undefined
          ? this.graph.node.length
          : this.graph.node.indexOf(after) + 1;
    this.graph.node.splice(at, 0, node);
    this.link(node);
  }

  /** Removes a node; its outputs lose their producer. In a {@link batch} the graph's list loses it at the end. */
  removeNode(node: NodeProto): void {
    this.unlink(node);
    if (this.leaving) {
      this.leaving.add(node);
      return;
    }
    const at = this.graph.node.indexOf(node);
    if (at >= 0) this.graph.node.splice(at, 1);
  }

  /**
   * Does edits that remove many nodes in the time of one walk over the graph: the index is true at every moment, the
   * graph's list of nodes from the end of the batch on. A batch inside another is part of it.
   */
  batch<T>(edit: () => T): T {
    if (this.leaving) return edit();
    const leaving = (this.leaving = new Set<NodeProto>());
    try {
      return edit();
    } finally {
      this.leaving = null;
      if (leaving.size > 0) this.graph.node = this.graph.node.filter((node) => !leaving.has(node));
    }
  }

  /** Removes many nodes at once, in the time of one walk. */
  removeNodes(nodes: Iterable<NodeProto>): void {
    this.batch(() => {
      for (const node of nodes) this.removeNode(node);
    });
  }

  /** Makes `node` read `to` wherever it reads `from` (subgraphs included). */
  replaceInput(node: NodeProto, from: string, to: string): void {
    this.unlink(node);
    node.input = node.input.map((name) => (name === from ? to : name));
    for (const body of subgraphs(node)) renameInSubgraph(body, from, to);
    this.link(node);
  }

  /** Sets one input slot. */
  setInput(node: NodeProto, slot: number, tensor: string): void {
    this.unlink(node);
    while (node.input.length <= slot) node.input.push('');
    node.input[slot] = tensor;
    this.link(node);
  }

  /** Renames an output of a node. Readers are not touched. */
  setOutput(node: NodeProto, slot: number, tensor: string): void {
    this.unlink(node);
    node.output[slot] = tensor;
    this.link(node);
  }

  /** Every reader of `from` reads `to` instead, except those in `except`. */
  replaceUses(from: string, to: string, except: readonly NodeProto[] = []): void {
    for (const node of this.consumers(from))
      if (!except.includes(node)) this.replaceInput(node, from, to);
  }

  /** Takes a node out whose output equals its input: readers get `input`, a graph output keeps its name. */
  bypass(node: NodeProto, input: string): boolean {
    const output = node.output[0];
    if (output === undefined) return false;
    if (!this.isGraphOutput(output)) {
      this.replaceUses(output, input);
      this.removeNode(node);
      return true;
    }
    const producer = this.producer(input);
    if (!producer || this.isGraphOutput(input)) return false;
    // The output's name must stay: let the producer write it.
    this.removeNode(node);
    this.setOutput(producer, producer.output.indexOf(input), output);
    this.replaceUses(input, output);
    return true;
  }

  /** Drops initializers that nothing reads. Returns their names. */
  dropUnusedInitializers(): string[] {
    const dropped: string[] = [];
    this.graph.initializer = this.graph.initializer.filter((t) => {
      const used = (this.readers.get(t.name)?.size ?? 0) > 0 || this.outputNames.has(t.name);
      if (!used) {
        dropped.push(t.name);
        this.constants.delete(t.name);
      }
      return used;
    });
    return dropped;
  }

  /** Removes nodes whose results nobody reads, again and again. Returns their count. */
  dropDeadNodes(): number {
    const alive = (node: NodeProto) =>
      node.output.some(
        (o) => o !== '' && (this.isGraphOutput(o) || (this.readers.get(o)?.size ?? 0) > 0),
      );
    // what a dead node read may be dead without it
    const queue = this.graph.node.filter((node) => !alive(node));
    const dead = new Set(queue);
    this.batch(() => {
      for (let node = queue.pop(); node; node = queue.pop()) {
        this.removeNode(node);
        for (const name of nodeReads(node)) {
          const producer = this.producers.get(name);
          if (!producer || dead.has(producer) || alive(producer)) continue;
          dead.add(producer);
          queue.push(producer);
        }
      }
    });
    return dead.size;
  }

  private defines(tensor: string): boolean {
    return this.producers.has(tensor) || this.inputNames.has(tensor);
  }

  private link(node: NodeProto): void {
    if (node.name) this.names.add(node.name);
    for (const body of subgraphs(node)) this.reserve(body);
    for (const output of node.output)
      if (output !== '') {
        this.producers.set(output, node);
        this.names.add(output);
      }
    for (const input of nodeReads(node)) {
      const set = this.readers.get(input);
      if (set) set.add(node);
      else this.readers.set(input, new Set([node]));
    }
  }

  /** Names inside a body are not free outside: they would hide one another. */
  private reserve(body: GraphProto): void {
    for (const list of [body.input, body.initializer]) for (const v of list) this.names.add(v.name);
    for (const node of allNodes(body))
      for (const name of [node.name, ...node.output]) this.names.add(name);
  }

  private unlink(node: NodeProto): void {
    for (const output of node.output)
      if (this.producers.get(output) === node) this.producers.delete(output);
    for (const input of nodeReads(node)) this.readers.get(input)?.delete(node);
  }
}

/** Every tensor that a node reads: its inputs, and what its subgraphs take from outside. */
export function nodeReads(node: NodeProto): Set<string> {
  const reads = new Set(node.input.filter((name) => name !== ''));
  if (node.attribute.some((a) => a.g ?? a.graphs.length > 0))
    for (const body of subgraphs(node)) for (const name of outerReads(body)) reads.add(name);
  return reads;
}

/** Tensors that a graph reads and does not define. */
export function outerReads(graph: GraphProto): Set<string> {
  const own = new Set([...graph.input.map((v) => v.name), ...graph.initializer.map((t) => t.name)]);
  for (const node of graph.node) for (const o of node.output) own.add(o);
  const outer = new Set<string>();
  for (const node of graph.node)
    for (const name of nodeReads(node)) if (!own.has(name)) outer.add(name);
  for (const v of graph.output) if (!own.has(v.name)) outer.add(v.name);
  return outer;
}

function renameInSubgraph(graph: GraphProto, from: string, to: string): void {
  const own = [...graph.input.map((v) => v.name), ...graph.initializer.map((t) => t.name)];
  if (own.includes(from)) return;
  for (const node of graph.node) {
    node.input = node.input.map((name) => (name === from ? to : name));
    for (const body of subgraphs(node)) renameInSubgraph(body, from, to);
  }
  for (const v of graph.output) if (v.name === from) v.name = to;
}

/** True where the node carries an attribute of that name. */
export function hasAttribute(node: NodeProto, name: string): boolean {
  return attribute(node, name) !== undefined;
}

/** Every node of a graph and of the graphs inside it. */
export function* allNodes(graph: GraphProto): Generator<NodeProto> {
  for (const node of graph.node) {
    yield node;
    for (const body of subgraphs(node)) yield* allNodes(body);
  }
}

/** Every constant of a graph and of the graphs inside it: initializers, and tensors that nodes carry (`Constant`). */
export function* allTensors(
  graph: GraphProto,
): Generator<{ tensor: TensorProto; node: NodeProto | null }> {
  for (const tensor of graph.initializer) yield { tensor, node: null };
  for (const node of graph.node) {
    for (const a of node.attribute) {
      if (a.t) yield { tensor: a.t, node };
      for (const tensor of a.tensors) yield { tensor, node };
    }
    for (const body of subgraphs(node)) yield* allTensors(body);
  }
}
