import {
  makeFloat,
  makeInt,
  makeInts,
  makeNode,
  makeTensor,
  makeTensorAttribute,
  type ElementType,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx';

/** How the values of a parameter come about. All of them depend on seed and name alone. */
export type Fill =
  /** Normal around `mean` (0). */
  | { kind: 'normal'; std: number; mean?: number }
  /** Uniform between −limit and limit. */
  | { kind: 'uniform'; limit: number }
  /** `scale · exp(normal · spread)`: positive, as gains are. */
  | { kind: 'gain'; scale: number; spread: number }
  /** The values of another parameter, transposed: a tied weight that the exporter wrote twice. */
  | { kind: 'transposed'; of: string }
  /** Measured mean or variance of what enters a BatchNormalization: see statistics.ts. */
  | { kind: 'measured' };

/** A trained tensor. */
export interface Parameter {
  name: string;
  dims: readonly number[];
  fill: Fill;
  /** False for what training counts but does not learn (running statistics), and for copies of a tied weight. */
  learned: boolean;
}

/** An input or output of the model. */
export interface Port {
  name: string;
  type: ElementType;
  shape: readonly (number | string)[];
}

type Attribute = number | readonly number[] | { float: number };

/** Records a network as an exporter writes it: nodes, the parameters they read, no values yet. */
export class Net {
  readonly nodes: NodeProto[] = [];
  readonly parameters: Parameter[] = [];
  /** Small constants that exporters keep among the initializers. */
  readonly constants: TensorProto[] = [];
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];
  private readonly names = new Map<string, number>();

  input(name: string, shape: Port['shape'], type: ElementType = 'float32'): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Ends the network: `tensor` leaves it as `name`. */
  output(tensor: string, name: string, shape: Port['shape']): void {
    for (const node of this.nodes) {
      node.input = node.input.map((n) => (n === tensor ? name : n));
      node.output = node.output.map((n) => (n === tensor ? name : n));
    }
    this.outputs.push({ name, type: 'float32', shape });
  }

  /** A parameter; returns its name. */
  parameter(name: string, dims: readonly number[], fill: Fill, learned = true): string {
    this.parameters.push({ name, dims, fill, learned });
    return name;
  }

  /**
   * A node in a module's scope, named as PyTorch's exporter does: `/layer1/layer1.0/conv1/Conv`, the second of its kind
   * `Conv_1`, its results `…_output_0`. Returns the first result.
   */
  node(
    scope: string,
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs = 1,
  ): string {
    const name = this.unique(`${scope}/${op}`);
    const results = Array.from({ length: outputs }, (_, i) => `${name}_output_${i}`);
    this.nodes.push(
      makeNode({
        opType: op,
        name,
        inputs,
        outputs: results,
        attributes: Object.entries(attributes).map(([key, value]) =>
          typeof value === 'number'
            ? makeInt(key, value)
            : 'float' in value
              ? makeFloat(key, value.float)
              : makeInts(key, value),
        ),
      }),
    );
    return results[0]!;
  }

  /** A `Constant` node, as the exporter writes numbers in the code of a module. */
  constant(scope: string, value: number | readonly number[], type: 'float32' | 'int64'): string {
    const list = typeof value === 'number' ? [value] : [...value];
    const dims = typeof value === 'number' ? [] : [list.length];
    const data = type === 'float32' ? Float32Array.from(list) : BigInt64Array.from(list, BigInt);
    const name = this.unique(`${scope}/Constant`);
    const tensor = makeTensor('', type, dims, data);
    const output = `${name}_output_0`;
    this.nodes.push(
      makeNode({
        opType: 'Constant',
        name,
        inputs: [],
        outputs: [output],
        attributes: [makeTensorAttribute('value', tensor)],
      }),
    );
    return output;
  }

  /** Where {@link reset} goes back to. */
  mark(): { parameters: number } {
    return { parameters: this.parameters.length };
  }

  /** Forgets the nodes and parameters that came after a mark. */
  reset({ parameters }: { parameters: number }, nodes: number): void {
    this.parameters.length = parameters;
    this.nodes.length = nodes;
  }

  /** Values that were learned. */
  learned(): number {
    return this.parameters.filter((p) => p.learned).reduce((sum, p) => sum + sizeOf(p.dims), 0);
  }

  private unique(name: string): string {
    const before = this.names.get(name) ?? 0;
    this.names.set(name, before + 1);
    return before === 0 ? name : `${name}_${before}`;
  }
}

/** Values of a tensor with these dims. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}
