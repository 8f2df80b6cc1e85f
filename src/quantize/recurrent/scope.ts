import {
  makeInt,
  makeNode,
  makeIntsTensor,
  makeTensor,
  type AttributeProto,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';

/** How the nodes and constants of a layer that was taken apart begin their names. */
export function apartName(layer: string): string {
  return `${layer}.cell`;
}

/**
 * Nodes that are being written, of a graph or of a body inside it. Names begin with that of the layer they belong to.
 * Constants stand in the outer graph, where bodies see them too.
 */
export class Scope {
  readonly nodes: NodeProto[] = [];
  private readonly scalars = new Map<number, string>();

  constructor(
    readonly index: GraphIndex,
    readonly base: string,
  ) {}

  /** A scope for a body inside this one. */
  inner(): Scope {
    return new Scope(this.index, this.base);
  }

  /** A tensor name that nothing has yet. */
  name(what: string): string {
    return this.index.freshName(`${this.base}/${what}`);
  }

  /** Adds a node with one result and returns it; `output` names it. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: AttributeProto[] = [],
    output?: string,
    domain?: string,
  ): string {
    return this.nodeOf(op, inputs, 1, attributes, output ? [output] : undefined, domain)[0]!;
  }

  /** Adds a node with several results. */
  nodeOf(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: AttributeProto[] = [],
    outputs: string[] = Array.from({ length: count }, (_, i) =>
      this.name(count > 1 ? `${op}_${i}` : op),
    ),
    domain = '',
  ): string[] {
    const name = this.name(`${op}_node`);
    this.nodes.push(makeNode({ opType: op, domain, name, inputs, outputs, attributes }));
    return outputs;
  }

  /** Cuts an axis into parts of these sizes. */
  split(x: string, axis: number, sizes: readonly number[]): string[] {
    if (sizes.length === 1) return [x];
    return this.nodeOf('Split', [x, this.ints(sizes)], sizes.length, [makeInt('axis', axis)]);
  }

  squeeze(x: string, axis: number): string {
    return this.node('Squeeze', [x, this.ints([axis])]);
  }

  unsqueeze(x: string, axis: number, output?: string): string {
    return this.node('Unsqueeze', [x, this.ints([axis])], [], output);
  }

  /** An int64 vector. */
  ints(values: readonly number[]): string {
    return this.index.addInitializer(makeIntsTensor(this.name('ints'), values));
  }

  /** An int64 scalar. */
  int(value: number): string {
    const data = BigInt64Array.of(BigInt(value));
    return this.index.addInitializer(makeTensor(this.name('int'), 'int64', [], data));
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    let name = this.scalars.get(value);
    if (name === undefined) {
      const tensor = makeTensor(this.name('value'), 'float32', [], Float32Array.of(value));
      this.scalars.set(value, (name = this.index.addInitializer(tensor)));
    }
    return name;
  }

  /** A float32 constant. */
  floats(what: string, dims: readonly number[], values: Float32Array): string {
    return this.index.addInitializer(makeTensor(this.name(what), 'float32', dims, values));
  }
}
