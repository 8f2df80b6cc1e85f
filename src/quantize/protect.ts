import type { GraphIndex } from '../onnx';
import { makeInt, makeNode, makeTensor, type NodeProto } from '../onnx';
import type { Placement } from './placement';
import { zeroPointTensor, type ParamsOf } from './parameters';

/** Operators with weights that the runtime quantizes again by itself where they stand between DQ and Q. */
const REQUANTIZED = new Set(['Conv', 'ConvTranspose', 'Gemm']);
/** Operators that the runtime fuses into an integer kernel when all their inputs are DQ and all readers Q. */
const FUSED = new Set([
  'Add',
  'Mul',
  'Concat',
  'AveragePool',
  'GlobalAveragePool',
  'LeakyRelu',
  'Sigmoid',
  'Softmax',
  'MatMul',
  'MaxPool',
  'Resize',
  'Where',
]);

/**
 * Writes float layers so that they run in float (DESIGN §4.9).
 * 1. Conv, ConvTranspose and Gemm whose input is a DQ and whose result goes to a Q alone: the runtime's
 *    WeightBiasQuantization would quantize their weights per tensor. It asks for a DQ with one scale, so these
 *    get a DQ of their own that carries the same scale once per channel.
 * 2. Others with an integer kernel (a kept Add between DQ and Q): a Max with the lowest float stands before the first
 *    input, which no optimization of the runtime removes and no value is changed by.
 * Does nothing where the layer reads no DQ.
 */
export function protectFloat(
  index: GraphIndex,
  placement: Placement,
  own: (node: NodeProto) => NodeProto,
  paramsOf: ParamsOf,
  type: 'uint8' | 'int8',
): void {
  for (const { unit, integer } of placement.units) {
    if (integer) continue;
    const node = own(unit.node);
    const input = node.input[0]!;
    const dq = index.producer(input);
    if (dq?.opType !== 'DequantizeLinear') continue;
    if (!endsInQuantize(index, node) && node.opType !== 'MatMul') continue;
    if (REQUANTIZED.has(node.opType)) {
      const channels = channelCount(index, node);
      const tensor = [...placement.quantized.keys()].find((t) => unit.inputs[0] === t);
      if (channels !== null && channels > 1 && tensor !== undefined) {
        const params = paramsOf(placement.quantized.get(tensor)!);
        privateDq(index, node, dq, channels, params, type);
        continue;
      }
    } else if (!FUSED.has(node.opType)) continue;
    barrier(index, node, input);
  }
}

function endsInQuantize(index: GraphIndex, node: NodeProto): boolean {
  const readers = index.consumers(node.output[0]!);
  if (readers.length === 0 || index.isGraphOutput(node.output[0]!)) return false;
  return readers.every(
    (r) =>
      r.opType === 'QuantizeLinear' ||
      ((r.opType === 'Relu' || r.opType === 'Clip') && endsInQuantize(index, r)),
  );
}

/** Channels of the layer's input (axis 1), from its weight. */
function channelCount(index: GraphIndex, node: NodeProto): number | null {
  const weight = index.initializer(node.input[1] ?? '');
  if (!weight) return null;
  const dims = weight.dims.map(Number);
  const int = (name: string, fallback: number) =>
    Number(node.attribute.find((a) => a.name === name)?.i ?? fallback);
  if (node.opType === 'Conv') return dims[1]! * int('group', 1);
  if (node.opType === 'ConvTranspose') return dims[0]!;
  return int('transA', 0) !== 0 ? null : int('transB', 0) === 0 ? dims[0]! : dims[1]!;
}

function privateDq(
  index: GraphIndex,
  node: NodeProto,
  dq: NodeProto,
  channels: number,
  params: { scale: number; zeroPoint: number },
  type: 'uint8' | 'int8',
): void {
  const base = `${node.name}.input`;
  const scale = index.addInitializer(
    makeTensor(
      index.freshName(`${base}_scale`),
      'float32',
      [channels],
      new Float32Array(channels).fill(params.scale),
    ),
  );
  const zeros = new Array<number>(channels).fill(params.zeroPoint);
  const zeroPoint = index.addInitializer(
    zeroPointTensor(index.freshName(`${base}_zero_point`), [channels], type, zeros),
  );
  const output = index.freshName(`${base}_dequantized`);
  index.insertNode(
    makeNode({
      opType: 'DequantizeLinear',
      name: index.freshName(`${base}/DequantizeLinear`),
      inputs: [dq.input[0]!, scale, zeroPoint],
      outputs: [output],
      attributes: [makeInt('axis', 1)],
    }),
  );
  index.setInput(node, 0, output);
}

function barrier(index: GraphIndex, node: NodeProto, input: string): void {
  const lowest = index.addInitializer(
    makeTensor(
      index.freshName(`${node.name}.lowest`),
      'float32',
      [],
      Float32Array.of(-3.4028234663852886e38),
    ),
  );
  const output = index.freshName(`${node.name}.input`);
  index.insertNode(
    makeNode({
      opType: 'Max',
      name: index.freshName(`${node.name}.input/Max`),
      inputs: [input, lowest],
      outputs: [output],
    }),
  );
  index.setInput(node, 0, output);
}
