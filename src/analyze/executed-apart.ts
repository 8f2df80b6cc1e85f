import { allNodes, intAttribute, tensorDims, type Model, type NodeProto } from '../onnx';
import { apartName } from '../quantize/recurrent';
import type { Precision } from '../results';

/** How a layer that was taken apart runs. */
export interface ExecutedApart {
  precision: Precision;
  /** Operators of its products. */
  kernel: string;
  /** Share of its multiply-accumulates in integer kernels. */
  integerShare: number;
}

/** Kernels that multiply matrices, and whether they do so in integers. */
const PRODUCTS: Readonly<Record<string, boolean>> = {
  MatMulIntegerToFloat: true,
  MatMulInteger: true,
  QLinearMatMul: true,
  DynamicQuantizeMatMul: true,
  MatMulNBits: true,
  MatMul: false,
  FusedMatMul: false,
  Gemm: false,
  FusedGemm: false,
};

/**
 * How the runtime executes a recurrent layer that was taken apart: its products, wherever they stand in the graph or in
 * the bodies inside it. The rest of its cell is float, so it is `mixed` at best. Null where the layer is not taken apart.
 */
export function executedApart(optimized: Model, layer: string): ExecutedApart | null {
  const sizes = new Map(
    optimized.graph.initializer.map((t) => [t.name, tensorDims(t).reduce((a, b) => a * b, 1)]),
  );
  const dequantized = new Map<string, string>();
  for (const node of allNodes(optimized.graph))
    if (node.opType === 'DequantizeLinear') dequantized.set(node.output[0]!, node.input[0]!);
  const own = productsApart(optimized, layer);
  if (own.length === 0) return null;
  const kernels = new Set<string>();
  let [integer, all] = [0, 0];
  for (const node of own) {
    const weight = node.input[1] ?? '';
    // every row of either matrix is multiplied once a step, so their sizes stand for their products
    const size =
      node.opType === 'MatMulNBits'
        ? intAttribute(node, 'K', 0) * intAttribute(node, 'N', 0)
        : (sizes.get(weight) ?? sizes.get(dequantized.get(weight) ?? '') ?? 1);
    all += size;
    if (PRODUCTS[node.opType]) integer += size;
    kernels.add(node.opType);
  }
  return {
    precision: integer > 0 ? 'mixed' : 'float32',
    kernel: [...kernels].sort().join(' + '),
    integerShare: all > 0 ? integer / all : 0,
  };
}

/** The products of a recurrent layer that was taken apart; none where it is not. */
export function productsApart(optimized: Model, layer: string): NodeProto[] {
  const prefix = `${apartName(layer)}/`;
  return [...allNodes(optimized.graph)].filter(
    (node) =>
      Object.hasOwn(PRODUCTS, node.opType) &&
      [node.name, ...node.output, node.input[1] ?? ''].some((name) => name.startsWith(prefix)),
  );
}
