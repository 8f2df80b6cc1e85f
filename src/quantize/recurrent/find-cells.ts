import { floatData, isDefaultDomain, type GraphIndex, type NodeProto } from '../../onnx';
import { operatorRow } from '../operators';

/** The cell that a node belongs to, where exporters wrote an LSTM or GRU as single operators. */
export interface CellMember {
  op: 'LSTM' | 'GRU';
  /** Name of the node that makes the cell's new state: the same for all of its members. */
  cell: string;
  /** A matrix product of it, or the arithmetic on gates and states. */
  role: 'product' | 'arithmetic';
}

const GATE = new Set(['Sigmoid', 'HardSigmoid']);
const SQUASH = new Set(['Tanh', 'Softsign', 'Relu', 'Elu']);
const PRODUCT = new Set(['MatMul', 'Gemm', 'Conv']);
/** No cell has so many nodes between its state and its products. */
const MOST_NODES = 200;

/**
 * Finds LSTM and GRU cells that stand as single operators in a graph: unrolled over time, one step of a streaming
 * model, or the body of a Loop or Scan. They are known by how they make their state:
 * 1. LSTM: `c = σ·c₀ + σ·tanh`, of which a `σ·tanh(c)` is read.
 * 2. GRU: `(1 − z)·n + z·h`, or one of the two forms with one product less, where a gate resets what goes into `n`.
 * A gate is a Sigmoid or HardSigmoid; nodes that move values may stand anywhere between.
 */
export function findCells(index: GraphIndex): Map<NodeProto, CellMember> {
  const found = new Map<NodeProto, CellMember>();
  for (const node of index.graph.node) {
    if (!is(node, 'Add')) continue;
    const graph = new Tracer(index);
    const members = lstm(graph, node) ?? gru(graph, node);
    if (!members) continue;
    for (const [member, role] of members.roles)
      if (!found.has(member)) found.set(member, { op: members.op, cell: node.name, role });
  }
  return found;
}

interface Members {
  op: CellMember['op'];
  roles: Map<NodeProto, CellMember['role']>;
}

function lstm(graph: Tracer, add: NodeProto): Members | null {
  for (const [kept, fresh] of bothWays(graph.inputs(add))) {
    if (!is(kept, 'Mul') || !is(fresh, 'Mul')) continue;
    const forget = graph.inputs(kept).find(isGate);
    const input = graph.inputs(fresh).find(isGate);
    const candidate = graph.inputs(fresh).find(isSquash);
    if (!forget || !input || !candidate) continue;
    for (const shown of graph.readers(add).filter(isSquash))
      for (const result of graph.readers(shown).filter((n) => is(n, 'Mul'))) {
        const output = graph.inputs(result).find(isGate);
        if (!output) continue;
        const roles = graph.behind([forget, input, output, candidate]);
        for (const n of [add, kept, fresh, shown, result]) roles.set(n, 'arithmetic');
        return { op: 'LSTM', roles };
      }
  }
  return null;
}

function gru(graph: Tracer, add: NodeProto): Members | null {
  for (const [a, b] of bothWays(graph.inputs(add))) {
    const core = interpolation(graph, a, b);
    if (!core) continue;
    const roles = graph.behind([core.candidate, core.gate]);
    // a gate resets what goes into the candidate, before or behind one of its products
    const resets = [...roles.keys()].some((n) => is(n, 'Mul') && graph.inputs(n).some(isGate));
    if (!resets) continue;
    for (const n of [add, ...core.nodes]) roles.set(n, 'arithmetic');
    return { op: 'GRU', roles };
  }
  return null;
}

/** `(1 − z)·n + z·h`, `n + z·(h − n)` or `h + z·(n − h)`, where `n` is squashed; null for other sums. */
function interpolation(graph: Tracer, a: NodeProto | undefined, b: NodeProto | undefined) {
  if (!is(b, 'Mul')) return null;
  const gate = graph.inputs(b).find(isGate);
  const inner = graph.inputs(b).find((n) => is(n, 'Sub'));
  if (is(a, 'Mul') && inner && graph.isOneMinus(inner)) {
    const other = graph.inputs(a).find(isGate);
    const candidate = graph.inputs(b).find(isSquash) ?? graph.inputs(a).find(isSquash);
    const z = graph.inputs(inner)[1];
    if (other && candidate && z === other) return { gate: other, candidate, nodes: [a, b, inner] };
    return null;
  }
  if (!gate || !inner) return null;
  const [left, right] = graph.inputs(inner);
  if (isSquash(a) && right === a) return { gate, candidate: a, nodes: [b, inner] };
  if (isSquash(left)) return { gate, candidate: left, nodes: [b, inner] };
  return null;
}

/** Follows values through nodes that only move them. */
class Tracer {
  constructor(private readonly index: GraphIndex) {}

  /** The nodes that computed a node's inputs, in slot order; undefined for constants and inputs of the graph. */
  inputs(node: NodeProto): (NodeProto | undefined)[] {
    return node.input.map((name) => this.source(name));
  }

  source(tensor: string): NodeProto | undefined {
    let node = this.index.producer(tensor);
    for (let i = 0; node && moves(node) && i < MOST_NODES; i++)
      node = this.index.producer(node.input[0] ?? '');
    return node;
  }

  /** The nodes that compute with a node's result. */
  readers(node: NodeProto): NodeProto[] {
    const found: NodeProto[] = [];
    const queue = node.output.flatMap((o) => this.index.consumers(o));
    for (let next = queue.shift(); next && found.length < MOST_NODES; next = queue.shift())
      if (moves(next)) queue.push(...next.output.flatMap((o) => this.index.consumers(o)));
      else found.push(next);
    return found;
  }

  isOneMinus(sub: NodeProto): boolean {
    const tensor = this.index.initializer(sub.input[0] ?? '');
    if (!tensor) return false;
    const values = floatData(tensor);
    return values.length > 0 && values.every((v) => v === 1);
  }

  /** Gates and candidates with all that leads to them from the products on, the products included. */
  behind(from: readonly NodeProto[]): Members['roles'] {
    const roles: Members['roles'] = new Map();
    const queue: (NodeProto | undefined)[] = [...from];
    for (let i = 0; i < queue.length && i < MOST_NODES; i++) {
      const node = queue[i];
      if (!node || roles.has(node)) continue;
      if (isProduct(node)) {
        roles.set(node, 'product');
        // a GRU that resets before it multiplies: σ·h goes into the product
        const [reset] = this.inputs(node);
        const gate = is(reset, 'Mul') ? this.inputs(reset).find(isGate) : undefined;
        if (reset && gate) {
          roles.set(reset, 'arithmetic');
          queue.push(gate);
        }
      } else if (is(node, 'Mul')) {
        // a reset behind its product; a Mul without a gate weighs the state of the step before
        roles.set(node, 'arithmetic');
        if (this.inputs(node).some(isGate)) queue.push(...this.inputs(node));
      } else if (isGate(node) || isSquash(node) || is(node, 'Add') || is(node, 'Sum')) {
        roles.set(node, 'arithmetic');
        queue.push(...this.inputs(node));
      }
    }
    return roles;
  }
}

function bothWays<T>(items: readonly T[]): [T, T][] {
  const [a, b] = items;
  return items.length === 2
    ? [
        [a!, b!],
        [b!, a!],
      ]
    : [];
}

function is(node: NodeProto | undefined, op: string): node is NodeProto {
  return node !== undefined && node.opType === op && isDefaultDomain(node.domain);
}

function isGate(node: NodeProto | undefined): node is NodeProto {
  return node !== undefined && GATE.has(node.opType) && isDefaultDomain(node.domain);
}

function isSquash(node: NodeProto | undefined): node is NodeProto {
  return node !== undefined && SQUASH.has(node.opType) && isDefaultDomain(node.domain);
}

function isProduct(node: NodeProto): boolean {
  return PRODUCT.has(node.opType) && isDefaultDomain(node.domain);
}

function moves(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && operatorRow(node.opType, '')?.unit === 'moves';
}
