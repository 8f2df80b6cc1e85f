import {
  floatData,
  isDefaultDomain,
  tensorType,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';

/** True for an operator of ONNX's own domain with one of these names. */
export function isOp(node: NodeProto | undefined, ...ops: string[]): node is NodeProto {
  return node !== undefined && isDefaultDomain(node.domain) && ops.includes(node.opType);
}

/** The float32 values of a small constant, or undefined. */
export function smallConstant(
  index: GraphIndex,
  tensor: string,
  most = 16,
): Float32Array | undefined {
  const proto = index.initializer(tensor);
  if (!proto || tensorType(proto) !== 'float32') return undefined;
  const count = proto.dims.reduce((a, b) => a * Number(b), 1);
  return count <= most ? floatData(proto) : undefined;
}

/** True where the constant is one value, near `value` (a relative 1e-3). */
export function isValue(index: GraphIndex, tensor: string, value: number): boolean {
  const values = smallConstant(index, tensor, 1);
  return values !== undefined && Math.abs(values[0]! - value) <= 1e-3 * Math.abs(value);
}

/** The input of a node that is not `tensor`; undefined for a node with another number of inputs than two. */
export function otherInput(node: NodeProto, tensor: string): string | undefined {
  if (node.input.length !== 2) return undefined;
  return node.input[0] === tensor ? node.input[1] : node.input[0];
}

/** The computed (not constant) inputs of a node. */
export function computedInputs(index: GraphIndex, node: NodeProto): string[] {
  return node.input.filter((name) => name !== '' && !index.isConstant(name));
}

/** Operators that move, view or convert values one by one. */
const VIEWS = ['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Expand', 'Identity'];
const CASTS = ['Cast', 'Dropout'];

/** True for nodes that leave every value as it is. */
export function isView(node: NodeProto | undefined): node is NodeProto {
  return isOp(node, ...VIEWS, ...CASTS);
}

/** The tensor that a chain of views shows, and the nodes of that chain. */
export function behindViews(
  index: GraphIndex,
  tensor: string,
): { tensor: string; views: NodeProto[] } {
  const views: NodeProto[] = [];
  for (let node = index.producer(tensor); isView(node); node = index.producer(tensor)) {
    views.push(node);
    tensor = node.input[0]!;
  }
  return { tensor, views };
}
