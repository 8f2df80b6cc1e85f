import { GraphIndex, tensorDims, type Model, type NodeProto, type TensorProto } from '../../onnx';

/** Nodes that only change how values are written down. */
const WRITES = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear']);

/** The graph of a model without its nodes that only quantize: what reads what. */
export class Wires {
  readonly index: GraphIndex;
  /** All nodes but those. */
  readonly nodes: NodeProto[];
  private readonly inputs: Map<string, number>;

  constructor(readonly model: Model) {
    this.index = new GraphIndex(model.graph);
    this.nodes = model.graph.node.filter(({ opType }) => !WRITES.has(opType));
    const real = model.graph.input.filter(({ name }) => !this.index.initializer(name));
    this.inputs = new Map(real.map(({ name }, i) => [name, i]));
  }

  /** The tensor behind a value: through QuantizeLinear and DequantizeLinear to what they were made of. */
  origin(tensor: string): string {
    let at = tensor;
    for (let node = this.index.producer(at); node && WRITES.has(node.opType);) {
      at = node.input[0] ?? '';
      node = this.index.producer(at);
    }
    return at;
  }

  /** The constant behind a value, if it is one. */
  constant(tensor: string): TensorProto | undefined {
    return this.index.initializer(this.origin(tensor));
  }

  /**
   * What makes a node the same as another by structure: its operator and what it reads; null where it reads the result of a
   * node that has no counterpart yet.
   */
  keyOf(node: NodeProto, ids: ReadonlyMap<NodeProto, string>): string | null {
    const reads: string[] = [];
    for (const input of node.input) {
      const at = this.origin(input);
      const producer = this.index.producer(at);
      const constant = this.index.initializer(at);
      if (input === '') reads.push('');
      else if (constant) reads.push(`c[${tensorDims(constant).join()}]`);
      else if (producer) {
        const id = ids.get(producer);
        if (id === undefined) return null;
        reads.push(`${id}.${producer.output.indexOf(at)}`);
      } else reads.push(`i${this.inputs.get(at) ?? at}`);
    }
    return `${node.domain} ${node.opType}(${reads.join(' ')})`;
  }
}
