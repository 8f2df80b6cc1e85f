import { GraphIndex, makeNode, tensorType, type Model, type NodeProto } from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import type { PassContext } from '../context';

/**
 * MatMul of a matrix with a constant matrix becomes a Gemm without a bias where an Add reads the product. The runtime
 * would make one Gemm of both before it looks for integer kernels, and where the other summand is computed (a residual,
 * the second half of a recurrent cell) that Gemm runs in float.
 * 1. The MatMul's input has two axes and its weight is a float32 constant of two.
 * 2. An Add is the only reader of the product.
 * Does nothing elsewhere; where the other summand is a constant row the pass `matmul-to-gemm` came first.
 */
export function loneMatmul(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  let shapes: ReturnType<typeof inferShapes> | null = null;
  for (const matmul of [...model.graph.node]) {
    if (!isLone(index, matmul)) continue;
    shapes ??= inferShapes(model);
    if (shapes.get(matmul.input[0]!)?.shape?.length !== 2) continue;
    index.removeNode(matmul);
    index.insertNode(
      makeNode({
        opType: 'Gemm',
        name: matmul.name,
        inputs: matmul.input,
        outputs: matmul.output,
      }),
    );
    context.rewrote(matmul.name, 'MatMul');
  }
}

function isLone(index: GraphIndex, node: NodeProto): boolean {
  if (node.opType !== 'MatMul' || node.domain !== '') return false;
  const weight = index.initializer(node.input[1] ?? '');
  if (!weight || weight.dims.length !== 2 || tensorType(weight) !== 'float32') return false;
  if (index.isConstant(node.input[0]!)) return false;
  const product = node.output[0]!;
  const readers = index.consumers(product);
  return readers.length === 1 && readers[0]!.opType === 'Add' && !index.isGraphOutput(product);
}
