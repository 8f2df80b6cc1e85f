import { performance } from 'node:perf_hooks';
import {
  SlicedGraph,
  tensorBytes,
  type Feed,
  type Model,
  type NodeProto,
  type TensorValue,
} from '../onnx';
import { branchModel, type Experiment } from '../quantize/branches';
import {
  onlyThisModel,
  partName,
  type ExperimentSettings,
  type Parts,
} from '../quantize/experiments';
import { isRecurrent } from '../quantize/recurrent';
import type { TypeOf, Unit } from '../quantize/units';
import { openModel } from '../runtime/open-model';
import type { Session } from '../runtime/session';
import { OutputSums, scoresIn, type ExactOutputs } from './output-sums';
import { PrefixWalk } from './prefix-walk';
import { wholeSums, type LayerLoop } from './sensitivity';

/** Types that can be read in the middle of a graph and fed again. */
const CARRIED = new Set([
  'float32',
  'float16',
  'double',
  'int64',
  'int32',
  'uint8',
  'int8',
  'bool',
]);

/** A run of layers whose experiments share one session, between two cuts. */
export interface LayerGroup {
  from: number;
  to: number;
  experiments: Experiment[];
}

/** A graph cut into groups of layers; `alone` are those that no cut separates from enough others. */
export interface LayerGroups {
  sliced: SlicedGraph;
  groups: LayerGroup[];
  alone: Experiment[];
}

/** What experiments are remembered by. */
export function experimentName({ unit, parts }: Experiment): string {
  return partName(unit.name, parts);
}

/** What the branches of a group may hold together. */
export interface BranchLimits {
  /** Each takes time when their session is opened. */
  nodes: number;
  /** Multiply-accumulates of one sample: between two runs what was measured is stored. */
  macs: number;
  /** Bytes of the weights that have a rounded copy. */
  bytes: number;
}

const LIMITS: BranchLimits = { nodes: 5000, macs: 3e9, bytes: 128 << 20 };

/**
 * Cuts a graph so that trying all layers opens few sessions: a group of layers has one session with a branch for each, and
 * one more goes on from its end for all of them. A group has as many layers as its branches can afford, and at least √n.
 * Cuts are where only tensors of types cross that can be carried.
 * @param macsOf of a layer for one sample, where they are known
 */
export function groupLayers(
  prepared: Model,
  experiments: readonly Experiment[],
  typeOf: TypeOf,
  macsOf: (unit: Unit) => number | null,
  limits = LIMITS,
): LayerGroups {
  const nodes = wholeUnits(prepared, [...new Set(experiments.map((e) => e.unit))]);
  const sliced = new SlicedGraph(prepared, nodes);
  const at = new Map(nodes.map((node, i) => [node, i]));
  const sorted = [...experiments].sort((a, b) => at.get(a.unit.node)! - at.get(b.unit.node)!);
  const few = Math.max(2, Math.round(Math.sqrt(sorted.length)));
  const before = macsBefore(nodes, sorted, macsOf);
  const sizes = new Map(prepared.graph.initializer.map((t) => [t.name, tensorBytes(t)]));
  /** How often what may be held goes into what the branches of `open` hold up to a cut. */
  const fill = (cut: number) => {
    const held: BranchLimits = { nodes: 0, macs: 0, bytes: 0 };
    for (const { unit } of open) {
      const start = at.get(unit.node)!;
      held.nodes += cut - start;
      held.macs += before[cut]! - before[start]!;
      held.bytes += sizes.get(unit.weight?.tensor ?? '') ?? 0;
    }
    const { nodes, macs, bytes } = limits;
    return Math.max(held.nodes / nodes, held.macs / macs, held.bytes / bytes);
  };
  const { groups, alone }: Omit<LayerGroups, 'sliced'> = { groups: [], alone: [] };
  const carried = (cut: number) =>
    sliced.frontier(cut).every((name) => CARRIED.has(typeOf(name) ?? 'undefined'));
  let from = 0;
  let open: Experiment[] = [];
  const close = (to: number) => {
    if (open.length > 3 * few && fill(to) > 3) alone.push(...open);
    else if (open.length > 0) groups.push({ from, to, experiments: open });
    from = to;
    open = [];
  };
  for (const experiment of sorted) {
    const { node, biasNode, activation } = experiment.unit;
    const start = at.get(node)!;
    const own = [node, biasNode, activation].filter((n) => n !== null);
    const together = own.every((n, k) => at.get(n) === start + k);
    if (!together) {
      alone.push(experiment);
      continue;
    }
    const another = open.at(-1)?.unit !== experiment.unit;
    const full = open.length >= few && fill(start) > 1;
    if (full && another && start > from && carried(start)) close(start);
    open.push(experiment);
  }
  close(nodes.length);
  return { sliced, groups, alone };
}

/** Multiply-accumulates of the layers before each node, and of all. */
function macsBefore(
  nodes: readonly NodeProto[],
  experiments: readonly Experiment[],
  macsOf: (unit: Unit) => number | null,
): number[] {
  const own = new Map(experiments.map(({ unit }) => [unit.node, macsOf(unit) ?? 0]));
  const before = [0];
  for (const node of nodes) before.push(before.at(-1)! + (own.get(node) ?? 0));
  return before;
}

/** The nodes in an order in which the bias and the activation of a layer stand right behind its node. */
function wholeUnits(prepared: Model, units: readonly Unit[]): NodeProto[] {
  const followers = new Map(
    units.map((u) => [u.node, [u.biasNode, u.activation].filter((n) => n !== null)]),
  );
  const known = new Set(
    [...prepared.graph.input, ...prepared.graph.initializer].map(({ name }) => name),
  );
  const placed = new Set<NodeProto>();
  const order: NodeProto[] = [];
  const put = (node: NodeProto) => {
    if (placed.has(node)) return;
    placed.add(node);
    order.push(node);
    for (const output of node.output) known.add(output);
    for (const follower of followers.get(node) ?? [])
      if (follower.input.every((name) => name === '' || known.has(name))) put(follower);
  };
  prepared.graph.node.forEach(put);
  return order;
}

/** What every experiment did to the outputs. */
export type Measured = Map<string, OutputSums>;

/** A group of experiments that is being measured: what each did on the first samples. */
export interface Begun {
  samples: number;
  sums: Measured;
}

/** How a search over layers in groups is stopped and goes on. */
export interface GroupLoop extends LayerLoop<OutputSums> {
  /** The group in which an earlier run was interrupted. */
  begun?: Begun | null;
  /** Called between samples with how far the group is, so that it can be stored. */
  onBegun?(begun: Begun): void | Promise<void>;
}

/**
 * Noise at the outputs for every experiment with single layers, group by group in graph order: what comes before a group is
 * computed once and kept, in the group every layer has a branch, and one session goes on from its end for all of them.
 * @param feeds samples, in memory; with them the tensors that cross one cut
 * @returns what was measured within the budget, and what `loop.known` holds
 */
export async function groupedSensitivity(
  prepared: Model,
  { sliced, groups, alone }: LayerGroups,
  settings: ExperimentSettings,
  feeds: readonly Feed[],
  exact: ExactOutputs,
  loop: GroupLoop,
): Promise<Measured> {
  const start = performance.now();
  const spent = () => (performance.now() - start) / 1000 > loop.budgetSeconds;
  const measured: Measured = new Map(loop.known);
  const all = [...groups.flatMap((g) => g.experiments), ...alone];
  const total = all.length;
  let done = all.filter((e) => measured.has(experimentName(e))).length;
  const found = async (experiment: Experiment, sums: OutputSums) => {
    measured.set(experimentName(experiment), sums);
    loop.onMeasured?.(experimentName(experiment), sums);
    await loop.onLayer?.(++done, total);
  };
  await loop.onLayer?.(done, total);
  const walk = new PrefixWalk(sliced, feeds);
  for (const group of groups) {
    const todo = group.experiments.filter((e) => !measured.has(experimentName(e)));
    if (todo.length === 0) continue;
    if (spent()) return measured;
    const onStep = async (begun: Begun) => {
      await loop.onBegun?.(begun);
      await loop.onStep?.();
    };
    const task = { settings, exact, begun: loop.begun, onStep };
    const sums = await measureGroup(walk, group, todo, task);
    for (const [k, experiment] of todo.entries()) await found(experiment, sums[k]!);
  }
  for (const experiment of alone) {
    if (measured.has(experimentName(experiment))) continue;
    if (spent()) return measured;
    const { unit, parts } = experiment;
    // a layer whose bias or activation stands apart is taken whole: its parts are not told apart
    if (parts === 'weights' || parts === 'activations') continue;
    const model = onlyThisModel(prepared, unit, settings, parts);
    await found(experiment, await wholeSums(model, feeds, exact));
  }
  return measured;
}

/** What a group is measured with. */
interface GroupTask {
  settings: ExperimentSettings;
  exact: ExactOutputs;
  begun: Begun | null | undefined;
  onStep: (begun: Begun) => Promise<void>;
}

/** Measures a group, from the sample on at which it was interrupted. */
async function measureGroup(
  walk: PrefixWalk,
  { from, to }: LayerGroup,
  experiments: readonly Experiment[],
  { settings, exact, begun, onStep }: GroupTask,
): Promise<OutputSums[]> {
  const { sliced } = walk;
  const values = await walk.to(from);
  const wanted = walk.writtenBefore(to);
  const slice = sliced.slice(from, to, wanted, values[0]!, walk.ragged);
  const { model, changed } = branchModel(slice, experiments, wanted, settings);
  const outputs = sliced.model.graph.output.map(({ name }) => name);
  const block = await openModel(model);
  let rest: Session | null = null;
  const known = experiments.map((e) => begun?.sums.get(experimentName(e)));
  const goesOn = begun && known.every((sum) => sum);
  const done = goesOn ? begun.samples : 0;
  const sums = known.map((sum) => (goesOn ? sum! : new OutputSums()));
  // what is written over: branches, and the outputs that were summed already; where samples differ in shape it cannot be
  const reused = walk.ragged ? [] : changed.flatMap((map) => [...map.values()]);
  let branches: Record<string, TensorValue> = {};
  let given: Record<string, TensorValue> = {};
  const ends = async (branch: Record<string, TensorValue>) => {
    if (rest) given = await rest.run(branch, undefined, walk.ragged ? {} : given);
    return { ...branch, ...given };
  };
  try {
    for (let i = 0; i < values.length; i++) {
      const got = await block.run(values[i]!, undefined, branches);
      branches = Object.fromEntries(reused.map((name) => [name, got[name]!]));
      walk.pass(i, to, Object.fromEntries(wanted.map((name) => [name, got[name]!])));
      if (i < done) continue;
      const crossing = walk.at(i);
      const last = sliced.outputsIn(to, sliced.nodes.length);
      if (last.length > 0)
        rest ??= await openModel(
          sliced.slice(to, sliced.nodes.length, last, crossing, walk.ragged),
        );
      for (const [k, names] of changed.entries()) {
        const branch = { ...crossing };
        for (const [tensor, name] of names) branch[tensor] = got[name]!;
        const sample = await ends(branch);
        sums[k]!.add(exact[i]!, sample, scoresIn(sample, outputs));
      }
      const all = new Map(experiments.map((e, k) => [experimentName(e), sums[k]!]));
      await onStep({ samples: i + 1, sums: all });
    }
  } finally {
    await block.release();
    await rest?.release();
  }
  walk.arrived(to);
  return sums;
}

/**
 * The experiments with a layer: whole, and its weights and its activations alone where it has both.
 * @param own layers whose result is their own: its rounding is tried, too
 */
export function experimentsWith(
  units: readonly Unit[],
  withParts: boolean,
  own: ReadonlySet<string> = new Set(),
): Experiment[] {
  return units.flatMap((unit) => {
    const parts: Parts[] = ['all'];
    if (withParts && unit.weight && !isRecurrent(unit.node)) parts.push('weights', 'activations');
    if (own.has(unit.name)) parts.push('result');
    return parts.map((part) => ({ unit, parts: part }));
  });
}
