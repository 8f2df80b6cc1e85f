import {
  floatData,
  GraphIndex,
  makeTensor,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import type { PassContext } from '../context';

/**
 * A Mul by one constant number goes into the weights of what reads its result, where those are Conv and MatMul with constant
 * weights alone. A weight that others read, too, is copied. Does nothing where the result has other readers.
 */
export function foldScaleForward(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  for (const mul of [...model.graph.node]) {
    if (mul.opType !== 'Mul' || mul.domain !== '') continue;
    const slot = mul.input.findIndex((name) => !index.isConstant(name));
    const factor = index.initializer(mul.input[1 - slot] ?? '');
    if (slot < 0 || !factor || tensorType(factor) !== 'float32') continue;
    if (factor.dims.length > 0) continue;
    const [by] = floatData(factor, model.dir);
    const output = mul.output[0]!;
    const readers = index.consumers(output);
    if (by === undefined || readers.length === 0 || index.isGraphOutput(output)) continue;
    if (!readers.every((reader) => takesFactor(index, reader, output))) continue;
    for (const reader of readers) {
      const weight = index.initializer(reader.input[1]!)!;
      const values = floatData(weight, model.dir).map((v) => v * by);
      const name = index.freshName(`${reader.name}.weight`);
      const scaled = makeTensor(name, 'float32', tensorDims(weight), values);
      index.setInput(reader, 1, index.addInitializer(scaled));
      index.replaceInput(reader, output, mul.input[slot]!);
    }
    context.absorb(mul.name, readers[0]!.name);
    index.removeNode(mul);
  }
  index.dropUnusedInitializers();
}

function takesFactor(index: GraphIndex, node: NodeProto, tensor: string): boolean {
  if (node.domain !== '' || !['Conv', 'MatMul'].includes(node.opType)) return false;
  const weight = index.initializer(node.input[1] ?? '');
  return (
    node.input[0] === tensor &&
    node.input[1] !== tensor &&
    weight !== undefined &&
    tensorType(weight) === 'float32'
  );
}
