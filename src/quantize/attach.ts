import { makeInt, makeNode, type GraphIndex, type NodeProto } from '../onnx';
import type { QuantizedConstant } from './weights';

/** Lets a node read a quantized constant behind a DequantizeLinear, in place of what it reads there. */
export function attach(
  index: GraphIndex,
  node: NodeProto,
  slot: number,
  constant: QuantizedConstant,
  base: string,
): void {
  const output = index.freshName(`${base}_dequantized`);
  index.insertNode(
    makeNode({
      opType: 'DequantizeLinear',
      name: index.freshName(`${base}/DequantizeLinear`),
      inputs: [constant.codes, constant.scale, constant.zeroPoint],
      outputs: [output],
      attributes: constant.axis === null ? [] : [makeInt('axis', constant.axis)],
    }),
  );
  index.setInput(node, slot, output);
}
