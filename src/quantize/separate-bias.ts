import { floatData, makeTensor, type GraphIndex, type Model, type NodeProto } from '../onnx';
import { inferShapes } from '../onnx/shapes';
import type { Placement } from './placement';

/**
 * Gives the bias that is added to an integer MatMul as many axes as the product has. The runtime makes one Gemm of
 * MatMul and Add where the bias has one or two axes and the shapes are known, and has no integer kernel for a Gemm with
 * a float bias: the layer would run in float. Does nothing for products of two axes (the pass `matmul-to-gemm` has them)
 * and of unknown rank, which the runtime leaves alone too.
 */
export function separateBiases(
  model: Model,
  index: GraphIndex,
  placement: Placement,
  prepared: Model,
  own: (node: NodeProto) => NodeProto,
): void {
  let shapes: ReturnType<typeof inferShapes> | null = null;
  for (const { unit, integer } of placement.units) {
    if (!integer || !unit.biasNode) continue;
    shapes ??= inferShapes(prepared);
    const rank = shapes.get(unit.node.output[0]!)?.shape?.length ?? 0;
    if (rank <= 2) continue;
    const add = own(unit.biasNode);
    const slot = add.input.findIndex((name) => index.isConstant(name));
    const bias = index.initializer(add.input[slot]!)!;
    const dims = [...new Array<number>(rank - 1).fill(1), Number(bias.dims.at(-1) ?? 1)];
    const values = floatData(bias, model.dir);
    const name = index.freshName(`${unit.name}.bias_apart`);
    index.setInput(add, slot, index.addInitializer(makeTensor(name, 'float32', dims, values)));
  }
}
