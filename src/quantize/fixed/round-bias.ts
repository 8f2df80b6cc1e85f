import { floatData, makeTensor, tensorDims, type GraphIndex, type Model } from '../../onnx';
import { roundHalfEven } from '../../numeric';
import type { Unit } from '../units';

/**
 * Rounds the float bias that an Add puts behind a MatMul to whole codes of the product, as fixed point has it: there it is
 * the int32 at which the sum begins.
 * @param grid scale of the product's input, and of its weights (one, or by column)
 */
export function roundBias(
  model: Model,
  index: GraphIndex,
  unit: Unit,
  { inputScale, scales }: { inputScale: number; scales: Float32Array },
): void {
  const add = model.graph.node.find((n) => n.name === unit.biasNode!.name)!;
  const slot = add.input.findIndex((name) => index.isConstant(name));
  const bias = index.initializer(add.input[slot]!)!;
  const values = floatData(bias, model.dir).map((b, c) => {
    const step = inputScale * scales[scales.length === 1 ? 0 : c % scales.length]!;
    return roundHalfEven(b / step) * step;
  });
  const name = index.freshName(`${unit.name}.bias_rounded`);
  const rounded = makeTensor(name, 'float32', tensorDims(bias), values);
  index.setInput(add, slot, index.addInitializer(rounded));
}
