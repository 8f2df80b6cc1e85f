import {
  GraphIndex,
  makeNode,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import type { PassContext } from '../context';

/**
 * MatMul of a matrix with a constant matrix and an Add of one constant per column become one Gemm. The runtime does
 * the same before it looks for integer kernels, and would leave the bias, and with it the whole layer, in float.
 * Does nothing where the input is not known to have two axes or the product has other readers.
 */
export function matmulToGemm(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  let shapes: ReturnType<typeof inferShapes> | null = null;
  index.batch(() => {
    for (const add of [...model.graph.node]) {
      const found = matmulBefore(index, add);
      if (!found) continue;
      const { matmul, bias } = found;
      shapes ??= inferShapes(model);
      if (shapes.get(matmul.input[0]!)?.shape?.length !== 2) continue;
      index.removeNode(matmul);
      index.removeNode(add);
      index.insertNode(
        makeNode({
          opType: 'Gemm',
          name: matmul.name,
          inputs: [matmul.input[0]!, matmul.input[1]!, bias],
          outputs: [add.output[0]!],
        }),
      );
      context.absorb(add.name, matmul.name);
      context.rewrote(matmul.name, 'MatMul');
    }
  });
}

function matmulBefore(
  index: GraphIndex,
  add: NodeProto,
): { matmul: NodeProto; bias: string } | null {
  if (add.opType !== 'Add' || add.domain !== '') return null;
  const slot = add.input.findIndex((name) => index.producer(name)?.opType === 'MatMul');
  const product = add.input[slot];
  const bias = index.initializer(add.input[1 - slot] ?? '');
  if (product === undefined || !bias || tensorType(bias) !== 'float32') return null;
  const matmul = index.producer(product)!;
  const weight = index.initializer(matmul.input[1] ?? '');
  if (!weight || weight.dims.length !== 2 || tensorType(weight) !== 'float32') return null;
  if (index.isConstant(matmul.input[0]!)) return null;
  if (index.consumers(product).length !== 1 || index.isGraphOutput(product)) return null;
  const columns = Number(weight.dims[1]);
  const dims = tensorDims(bias);
  // [N] or [1, N]: the same for every row. The plain-gemm pass makes it one axis.
  const fits = dims.length <= 2 && dims.at(-1) === columns && (dims.length === 1 || dims[0] === 1);
  return fits ? { matmul, bias: bias.name } : null;
}
