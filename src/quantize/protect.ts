import type { GraphIndex } from '../onnx';
import { makeInt, makeNode, makeTensor, type NodeProto } from '../onnx';
import { integerRule } from './operators';
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

/** Of these, operators of several activations, which the runtime fuses only where all of them are dequantized. */
const JOINING = new Set(['Add', 'Mul', 'Concat', 'MatMul']);

/**
 * Writes float layers so that they run in float (DESIGN §4.9).
 * 1. Conv, ConvTranspose and Gemm whose input is a DQ and whose result goes to a Q: the runtime's
 *    WeightBiasQuantization would quantize their weights per tensor. It asks for a DQ with one scale, so these
 *    get a DQ of their own that carries the same scale once per channel.
 * 2. Others with an integer kernel (a kept Add between DQ and Q), and the above behind a node that moves values (the
 *    runtime moves the DQ past it): a Max with the lowest float stands before the first input, which no
 *    optimization of the runtime removes and no value is changed by.
 * 3. Those that move values (a kept MaxPool): the same, and another Max behind, so that no Q is moved before it.
 * Does nothing where no codes come in or none are wanted.
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
    if (!dq || !beginsInDequantize(index, input)) continue;
    const asked = movesCodes(node) || node.opType === 'MatMul' || endsInQuantize(index, node);
    if (!asked) continue;
    if (REQUANTIZED.has(node.opType) && dq.opType === 'DequantizeLinear') {
      if (hasScales(index, dq)) continue; // as in 1. already
      const channels = channelCount(index, node);
      const root = placement.quantized.get(unit.inputs[0] ?? '');
      if (channels !== null && channels > 1 && root !== undefined) {
        const params = paramsOf(root);
        privateDq(index, node, dq, channels, params, type);
        continue;
      }
    } else if (!REQUANTIZED.has(node.opType) && !FUSED.has(node.opType)) continue;
    if (JOINING.has(node.opType) && !allDequantized(index, node)) continue;
    barrier(index, node, 0);
    // The runtime would move a Q before it.
    if (movesCodes(node))
      for (const reader of index.consumers(node.output[0]!))
        if (reader.opType === 'QuantizeLinear' || movesCodes(reader)) barrier(index, reader, 0);
  }
}

/**
 * The same after 16-bit pairs were put around some layers: a float layer whose weights the runtime would quantize by 1., and
 * that was not protected yet, gets the Max of 2. before it, since its DQ may be one of 16 bits.
 */
export function protectBesideWide(index: GraphIndex, node: NodeProto): void {
  const input = node.input[0]!;
  if (!REQUANTIZED.has(node.opType) || index.initializer(node.input[1] ?? '') === undefined) return;
  const dq = index.producer(input);
  if (!dq || !beginsInDequantize(index, input) || !endsInQuantize(index, node)) return;
  if (dq.opType === 'DequantizeLinear' && hasScales(index, dq)) return;
  barrier(index, node, 0);
}

/** True for a DequantizeLinear with a scale for every channel. */
function hasScales(index: GraphIndex, dq: NodeProto): boolean {
  return (index.initializer(dq.input[1]!)?.dims.length ?? 0) > 0;
}

/** True where codes come in, directly or through nodes past which the runtime moves a DequantizeLinear. */
function beginsInDequantize(index: GraphIndex, tensor: string): boolean {
  const node = index.producer(tensor);
  if (!node) return false;
  return (
    node.opType === 'DequantizeLinear' ||
    (movesCodes(node) && beginsInDequantize(index, node.input[0]!))
  );
}

/** True where every input comes as codes, constants included. */
function allDequantized(index: GraphIndex, node: NodeProto): boolean {
  return node.input.every((name) => name === '' || beginsInDequantize(index, name));
}

/** True where the result becomes codes, directly or through nodes past which the runtime moves a QuantizeLinear. */
function endsInQuantize(index: GraphIndex, node: NodeProto): boolean {
  return node.output.some(
    (output) =>
      !index.isGraphOutput(output) &&
      index
        .consumers(output)
        .some((r) => r.opType === 'QuantizeLinear' || (movesCodes(r) && endsInQuantize(index, r))),
  );
}

/** True for nodes that the runtime can let read and write codes instead of floats. */
function movesCodes({ opType, domain }: NodeProto): boolean {
  return (
    opType === 'Relu' || opType === 'Clip' || integerRule(opType, domain)?.form === 'passthrough'
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

/** Puts a Max with the lowest float before an input of a node. */
function barrier(index: GraphIndex, node: NodeProto, slot: number): void {
  const base = `${node.name}.input`;
  const lowest = index.addInitializer(
    makeTensor(
      index.freshName(`${node.name}.lowest`),
      'float32',
      [],
      Float32Array.of(-3.4028234663852886e38),
    ),
  );
  const output = index.freshName(base);
  index.insertNode(
    makeNode({
      opType: 'Max',
      name: index.freshName(`${base}/Max`),
      inputs: [node.input[slot]!, lowest],
      outputs: [output],
    }),
  );
  index.setInput(node, slot, output);
}
