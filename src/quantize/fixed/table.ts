import { clone } from '@bufbuild/protobuf';
import { makeNode, makeTensor, makeValueInfo, type Model, type NodeProto } from '../../onnx';
import { NodeProtoSchema } from '../../onnx/gen/onnx_pb';
import { openModel } from '../../runtime/open-model';
import { codesOf } from './format';

/** Functions of one value that become tables. */
export const TABLE_OPERATORS = new Set([
  ...['Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid', 'HardSwish', 'Elu', 'Selu', 'Softplus'],
  ...['Erf', 'Gelu', 'Mish', 'Exp'],
]);

/**
 * The table of a function between two formats: entry i is the code for code i − 128. The values are the runtime's
 * own, taken from its operator between DequantizeLinear and QuantizeLinear on every code there is.
 * @param model whose opsets the node belongs to
 * @param from exponent of the scale of its input, @param to of its result
 */
export async function tableOf(
  model: Model,
  node: NodeProto,
  from: number,
  to: number,
): Promise<Int8Array> {
  const { low, high } = codesOf(8);
  const codes = Int8Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const copy = clone(NodeProtoSchema, node);
  [copy.input, copy.output] = [['x'], ['y']];
  const scale = (name: string, exponent: number) =>
    makeTensor(name, 'float32', [], Float32Array.of(2 ** exponent));
  const zero = makeTensor('zero', 'int8', [], Int8Array.of(0));
  const linear = (opType: string, inputs: string[], outputs: string[]) =>
    makeNode({ opType, name: opType, inputs, outputs });
  const alone = model.fragment({
    node: [
      linear('DequantizeLinear', ['codes', 'from', 'zero'], ['x']),
      copy,
      linear('QuantizeLinear', ['y', 'to', 'zero'], ['table']),
    ],
    initializer: [scale('from', from), scale('to', to), zero],
    input: [makeValueInfo('codes', 'int8', [codes.length])],
    output: [makeValueInfo('table', 'int8', [codes.length])],
  });
  const session = await openModel(alone, { optimization: 'disabled' });
  try {
    const { table } = await session.run({
      codes: { type: 'int8', dims: [codes.length], data: codes },
    });
    return table!.data as Int8Array;
  } finally {
    await session.release();
  }
}
