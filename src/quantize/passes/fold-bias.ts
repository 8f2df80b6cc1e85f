import {
  floatData,
  GraphIndex,
  makeTensor,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { PassContext } from '../context';

/**
 * An Add of one constant per output channel after Conv becomes the convolution's bias (CNTK and Keras exporters
 * write it apart). Does nothing where the convolution's output has other readers or the constant has another shape.
 */
export function foldBias(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  index.batch(() => {
    for (const add of [...model.graph.node]) {
      if (add.opType !== 'Add' || add.domain !== '') continue;
      const slot = add.input.findIndex((name) => index.producer(name)?.opType === 'Conv');
      const constant = index.initializer(add.input[1 - slot] ?? '');
      if (slot < 0 || !constant) continue;
      const between = add.input[slot]!;
      const conv = index.producer(between)!;
      if (index.consumers(between).length !== 1 || index.isGraphOutput(between)) continue;
      const bias = biasFor(model, index, conv, constant);
      if (!bias) continue;
      const name = index.freshName(`${conv.name}.bias`);
      index.setInput(
        conv,
        2,
        index.addInitializer(makeTensor(name, 'float32', [bias.length], bias)),
      );
      const output = add.output[0]!;
      index.removeNode(add);
      index.setOutput(conv, 0, output);
      context.absorb(add.name, conv.name);
    }
  });
  index.dropUnusedInitializers();
}

function biasFor(
  model: Model,
  index: GraphIndex,
  conv: NodeProto,
  constant: TensorProto,
): Float32Array | null {
  const weight = index.initializer(conv.input[1] ?? '');
  if (!weight || tensorType(constant) !== 'float32' || tensorType(weight) !== 'float32')
    return null;
  const rank = weight.dims.length;
  const channels = Number(weight.dims[0]);
  const dims = tensorDims(constant);
  const padded = [...new Array<number>(Math.max(0, rank - dims.length)).fill(1), ...dims];
  const perChannel = padded.every((d, axis) => (axis === 1 ? d === channels || d === 1 : d === 1));
  if (padded.length !== rank || !perChannel) return null;
  const values = floatData(constant, model.dir);
  const old = conv.input[2] ? index.initializer(conv.input[2]) : undefined;
  if (conv.input[2] && !old) return null;
  const oldValues = old ? floatData(old, model.dir) : null;
  return Float32Array.from(
    { length: channels },
    (_, c) => values[values.length === 1 ? 0 : c]! + (oldValues?.[c] ?? 0),
  );
}
