import { medianInterval } from '../../numeric';
import type { LayerShare, LayerTime } from '../../results';
import type { OwnerParts } from '../node-owners';
import { addUp, median, type Side, type Timed } from './sides';

/** One row a layer, in graph order. Layers that share a kernel in either model are compared as one group. */
export function layerTimes(fp32: Side, int8: Side, { units }: OwnerParts): LayerTime[] {
  const names = units.map((u) => u.name);
  const weighted = new Set(units.flatMap((u) => (u.weight ? [u.name] : [])));
  const groupOf = sharedGroups(names, weighted, [...fp32.nodes, ...int8.nodes]);
  const [a, b] = [byLayer(fp32), byLayer(int8)];
  const members = new Map<string, string[]>();
  for (const name of names) {
    const list = members.get(groupOf.get(name)!);
    if (list) list.push(name);
    else members.set(groupOf.get(name)!, [name]);
  }
  const shares = names.map((name) => [shareOf(a, name), shareOf(b, name)] as const);
  const seen = new Set(names.filter((_, i) => shares[i]![0] && shares[i]![1]));
  return names.map((layer, i): LayerTime => {
    const group = groupOf.get(layer)!;
    const all = members.get(group)!;
    let changeMs: LayerTime['changeMs'] = null;
    if (group === layer && all.every((name) => seen.has(name))) {
      const runs = Math.min(fp32.runs.length, int8.runs.length);
      const of = ({ owned }: ByLayer) =>
        addUp(
          all.flatMap((name) => owned.get(name) ?? []),
          runs,
        );
      const before = of(a);
      if (runs > 0) changeMs = medianInterval(of(b).map((ms, r) => ms - before[r]!));
    }
    const slower = changeMs !== null && changeMs.low > 0;
    return { layer, group, fp32: shares[i]![0], int8: shares[i]![1], changeMs, slower };
  });
}

/** Nodes of a model by the layer that they are counted to, and the node that runs each layer. */
interface ByLayer {
  owned: Map<string, Timed[]>;
  running: Map<string, Timed>;
  runs: number;
}

function byLayer({ nodes, runs }: Side): ByLayer {
  const found: ByLayer = { owned: new Map(), running: new Map(), runs: runs.length };
  for (const node of nodes) {
    if (node.layer !== null) {
      const list = found.owned.get(node.layer);
      if (list) list.push(node);
      else found.owned.set(node.layer, [node]);
    }
    for (const name of node.layers) if (!found.running.has(name)) found.running.set(name, node);
  }
  return found;
}

function shareOf({ owned, running, runs }: ByLayer, layer: string): LayerShare | null {
  const nodes = owned.get(layer) ?? [];
  const own = nodes.filter(({ role }) => role === 'layer');
  const host = running.get(layer)?.layer ?? null;
  if (own.length === 0 && host === null) return null;
  const conversions = nodes.filter(({ role }) => role === 'conversion');
  return {
    ms: median(addUp(own, runs)),
    conversionMs: median(addUp(conversions, runs)),
    in: host === layer ? null : host,
  };
}

/** The group of every layer, by its first member with a weight, else its first. */
function sharedGroups(
  names: readonly string[],
  weighted: ReadonlySet<string>,
  nodes: readonly Timed[],
): Map<string, string> {
  const parent = new Map(names.map((name) => [name, name]));
  const rank = new Map(
    names.map((name, i) => [name, weighted.has(name) ? i : i + names.length] as const),
  );
  const root = (name: string): string => {
    let at = name;
    for (let up = parent.get(at)!; up !== at; up = parent.get(at)!) at = up;
    return at;
  };
  for (const { layers } of nodes)
    for (const other of layers.slice(1)) {
      const [x, y] = [root(layers[0]!), root(other)];
      if (x === y) continue;
      if (rank.get(x)! < rank.get(y)!) parent.set(y, x);
      else parent.set(x, y);
    }
  return new Map(names.map((name) => [name, root(name)]));
}
