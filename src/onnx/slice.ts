/** Parts of a graph between two places in the order of its nodes, as models of their own. */
import { nodeReads } from './graph';
import type { Model } from './model';
import { makeValueInfo, type NodeProto, type ValueInfoProto } from './schema';
import type { TensorValue } from './value';

/** The values that cross a cut in one sample, by tensor. */
export type SliceValues = Readonly<Record<string, TensorValue>>;

/**
 * A graph whose nodes stand in a fixed order and can be cut before any of them. A tensor crosses a cut if a node before
 * it writes it (or the model takes it in) and a node behind it reads it, or the model gives it.
 */
export class SlicedGraph {
  private readonly born = new Map<string, number>();
  private readonly dies = new Map<string, number>();
  private readonly reads: ReadonlySet<string>[];
  private readonly constants: ReadonlySet<string>;

  /** @param nodes all nodes of the model, every tensor written before it is read */
  constructor(
    readonly model: Model,
    readonly nodes: readonly NodeProto[],
  ) {
    const { graph } = model;
    this.constants = new Set(graph.initializer.map((t) => t.name));
    for (const { name } of graph.input) if (!this.constants.has(name)) this.born.set(name, -1);
    nodes.forEach((node, i) => node.output.forEach((o) => o !== '' && this.born.set(o, i)));
    this.reads = nodes.map(nodeReads);
    this.reads.forEach((names, i) => {
      for (const name of names) if (this.born.has(name)) this.dies.set(name, i);
    });
    for (const { name } of graph.output) this.dies.set(name, nodes.length);
  }

  /** Tensors that cross the cut before node `cut`. */
  frontier(cut: number): string[] {
    const crossing: string[] = [];
    for (const [name, born] of this.born)
      if (born < cut && (this.dies.get(name) ?? -1) >= cut) crossing.push(name);
    return crossing;
  }

  /** Names of the model's outputs that nodes in [from, to) write. */
  outputsIn(from: number, to: number): string[] {
    return this.model.graph.output
      .map(({ name }) => name)
      .filter((name) => (this.born.get(name) ?? -1) >= from && this.born.get(name)! < to);
  }

  /**
   * Nodes [from, to) as a model that gives `outputs`. Nodes and weights are shared with the whole: copy before a change.
   * @param values what crosses `from` in a sample: types and shapes of the inputs are read from it
   * @param ragged other samples have other shapes: of shapes only the rank is said then
   */
  slice(
    from: number,
    to: number,
    outputs: readonly string[],
    values: SliceValues,
    ragged = false,
  ): Model {
    const read = new Set(this.reads.slice(from, to).flatMap((names) => [...names]));
    return this.model.fragment({
      node: this.nodes.slice(from, to),
      initializer: this.model.graph.initializer.filter((t) => read.has(t.name)),
      input: this.frontier(from)
        .filter((name) => read.has(name))
        .map((name) => declared(name, values[name], ragged)),
      output: outputs.map(untyped),
    });
  }
}

function declared(name: string, value: TensorValue | undefined, ragged: boolean): ValueInfoProto {
  if (!value) throw new RangeError(`No value of '${name}' crosses the cut.`);
  return makeValueInfo(
    name,
    value.type,
    value.dims.map((dim) => (ragged ? null : dim)),
  );
}

/** An output of whose type nothing is said: the runtime infers it. */
export function untyped(name: string): ValueInfoProto {
  const info = makeValueInfo(name, 'undefined', null);
  info.type = undefined;
  return info;
}
