import { medianInterval } from '../../numeric';
import { allNodes, type Model, type NodeProto } from '../../onnx';
import type { KernelTime, ModelTime, Precision } from '../../results';
import type { NodeTimes, TimedNode } from '../../runtime/profile';
import { nodeKernels } from '../executed';
import { nodeOwners, type NodeOwner, type OwnerParts } from '../node-owners';

/** A timed node of one model, with what it is. */
export interface Timed extends Omit<NodeOwner, 'node'> {
  kernel: string;
  precision: Precision;
  /** Milliseconds of each run. */
  ms: readonly number[];
}

/** One model's timed nodes, and its runs. */
export interface Side {
  nodes: Timed[];
  runs: readonly number[];
  /** Median of the time in kernels whose nodes were found in the runtime's graph, and of all. */
  found: number;
  all: number;
}

/**
 * The node of the graph that the runtime wrote for every node of a profile, undefined where it has none: by operator and name,
 * nameless ones in order.
 */
export function executedNodes(
  timed: readonly TimedNode[],
  optimized: Model,
): (NodeProto | undefined)[] {
  const named = new Map<string, NodeProto>();
  const nameless = new Map<string, NodeProto[]>();
  for (const node of allNodes(optimized.graph)) {
    const { opType, name } = node;
    if (name !== '') named.set(`${opType} ${name}`, node);
    else nameless.set(opType, [...(nameless.get(opType) ?? []), node]);
  }
  return timed.map(({ name, op }) => named.get(`${op} ${name}`) ?? nameless.get(op)?.shift());
}

/** Finds the nodes of a profile in the graph that the runtime wrote, and the layers that they work for. */
export function sideOf({ nodes, runs }: NodeTimes, optimized: Model, parts: OwnerParts): Side {
  const kernelOf = nodeKernels(optimized);
  const owners = new Map(nodeOwners(optimized, parts).map((owner) => [owner.node, owner]));
  const executed = executedNodes(nodes, optimized);
  let [found, all] = [0, 0];
  const timed = nodes.map(({ op, ms }, i): Timed => {
    const owner = executed[i] && owners.get(executed[i]);
    const time = median(ms);
    all += time;
    if (!owner)
      return { role: 'other', layer: null, layers: [], kernel: op, precision: 'float32', ms };
    found += time;
    const { role, layer, layers, node } = owner;
    const { kernel, precision } = kernelOf(node);
    return { role, layer, layers, kernel, precision, ms };
  });
  return { nodes: timed, runs, found, all };
}

/**
 * Where a model spends its time, by kernel.
 * @param plainMs median of its runs without the profiler, whose own work between kernels must not count
 */
export function modelTime({ nodes, runs }: Side, plainMs: number): ModelTime {
  const inside = median(addUp(nodes, runs.length));
  const outsideMs = Math.max(0, plainMs - inside);
  const runMs = inside + outsideMs;
  const groups = new Map<string, Timed[]>();
  for (const node of nodes) {
    const key = `${node.role} ${node.precision} ${node.kernel}`;
    const group = groups.get(key);
    if (group) group.push(node);
    else groups.set(key, [node]);
  }
  const kernels = [...groups.values()].map((group): KernelTime => {
    const { kernel, precision, role } = group[0]!;
    const ms = median(addUp(group, runs.length));
    return { kernel, precision, role, nodes: group.length, ms, share: runMs > 0 ? ms / runMs : 0 };
  });
  return { runMs, outsideMs, kernels: kernels.sort((x, y) => y.ms - x.ms) };
}

/** Run by run, the time of all of these. */
export function addUp(nodes: readonly Pick<Timed, 'ms'>[], runs: number): number[] {
  const total = new Array<number>(runs).fill(0);
  for (const { ms } of nodes) for (let i = 0; i < runs; i++) total[i]! += ms[i] ?? 0;
  return total;
}

/** The median; zero where there are no values. */
export function median(values: readonly number[]): number {
  return values.length === 0 ? 0 : medianInterval(values).value;
}
