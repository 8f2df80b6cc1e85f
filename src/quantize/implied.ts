import { floatData, type GraphIndex, type NodeProto } from '../onnx';
import { codeRange, type QuantParams } from '../numeric';

/** True where clamping to the codes already does what Relu or Clip does. */
export function impliedByRange(
  index: GraphIndex,
  node: NodeProto,
  params: QuantParams,
  type: 'uint8' | 'int8',
): boolean {
  const codes = codeRange(type);
  const low = (codes.min - params.zeroPoint) * params.scale;
  const high = (codes.max - params.zeroPoint) * params.scale;
  if (node.opType === 'Relu') return low >= 0;
  const bound = (slot: number, open: number): number => {
    const name = node.input[slot] ?? '';
    if (name === '') return open;
    const tensor = index.initializer(name);
    return tensor ? (floatData(tensor)[0] ?? open) : Number.NaN;
  };
  const slack = params.scale / 2;
  return low >= bound(1, -Infinity) - slack && high <= bound(2, Infinity) + slack;
}
