import { GraphIndex, isDefaultDomain, type Model, type NodeProto } from '../onnx';

/** The file's own graph, seen through Identity and inference-time Dropout. */
export class SourceGraph {
  readonly index: GraphIndex;

  constructor(model: Model) {
    this.index = new GraphIndex(model.graph);
  }

  producer(tensor: string): NodeProto | undefined {
    return this.index.producer(tensor);
  }

  isConstant(tensor: string): boolean {
    return this.index.isConstant(tensor) || this.index.producer(tensor)?.opType === 'Constant';
  }

  isGraphInput(tensor: string): boolean {
    return this.index.isGraphInput(tensor);
  }

  /** True where the tensor, or an Identity of it, is an output of the model. */
  isOutput(tensor: string): boolean {
    if (this.index.isGraphOutput(tensor)) return true;
    return this.index
      .consumers(tensor)
      .some((n) => isTransparent(n) && n.output[0] !== undefined && this.isOutput(n.output[0]));
  }

  /** The tensor behind Identity and Dropout. */
  origin(tensor: string): string {
    let at = tensor;
    for (
      let node = this.index.producer(at);
      node && isTransparent(node) && node.input[0];
      node = this.index.producer(at)
    )
      at = node.input[0];
    return at;
  }

  /** Nodes that read a tensor, those behind Identity and Dropout included. */
  readers(tensor: string): NodeProto[] {
    return this.index
      .consumers(tensor)
      .flatMap((n) => (isTransparent(n) && n.output[0] ? this.readers(n.output[0]) : [n]));
  }
}

function isTransparent(node: NodeProto): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  return node.opType === 'Identity' || (node.opType === 'Dropout' && !node.input[2]);
}
