import { makeInt, makeNode, type GraphIndex, type NodeProto } from '../onnx';
import type { QuantizedConstant } from './weights';

/** ONNX's number of float32 in a Cast. */
const FLOAT = 1;

/** What a dynamic product is made of. */
export interface DynamicProduct {
  /** Name of the layer. */
  name: string;
  input: string;
  weight: Pick<QuantizedConstant, 'codes' | 'scale' | 'zeroPoint'>;
  bias: string | null;
  output: string;
}

/** Tensors that hold the codes of another, their scale and their zero point. */
export interface QuantizedInput {
  codes: string;
  scale: string;
  zero: string;
}

/** Writes a product whose left side is quantized while the model runs. */
export type WriteProduct = (index: GraphIndex, product: DynamicProduct) => void;

/** One node of the runtime's own, `com.microsoft.DynamicQuantizeMatMul`: A, B, b_scale, b_zero_point, bias → Y. */
export const contribProduct: WriteProduct = (index, { name, input, weight, bias, output }) => {
  index.insertNode(
    makeNode({
      opType: 'DynamicQuantizeMatMul',
      domain: 'com.microsoft',
      name,
      inputs: [
        ...[input, weight.codes, weight.scale, weight.zeroPoint],
        ...(bias === null ? [] : [bias]),
      ],
      outputs: [output],
    }),
  );
};

/**
 * Codes of a tensor that are made while the model runs, with their scale and zero point: by one DynamicQuantizeLinear,
 * however many layers read them.
 */
export function quantizedWhileRunning(index: GraphIndex, input: string): QuantizedInput {
  let node = index.consumers(input).find((n) => n.opType === 'DynamicQuantizeLinear');
  if (!node) {
    node = makeNode({
      opType: 'DynamicQuantizeLinear',
      name: index.freshName(`${input}/DynamicQuantizeLinear`),
      inputs: [input],
      outputs: ['quantized', 'scale', 'zero_point'].map((s) => index.freshName(`${input}_${s}`)),
    });
    index.insertNode(node);
  }
  const [codes, scale, zero] = node.output as [string, string, string];
  return { codes, scale, zero };
}

/**
 * The same in ONNX's own operators, for the target `onnx`: DynamicQuantizeLinear (once for every tensor),
 * MatMulInteger, Cast, Mul with the product of both scales, Add of the bias. onnxruntime fuses these into the node above.
 */
export const plainProduct: WriteProduct = (index, { name, input, weight, bias, output }) => {
  const add = (opType: string, base: string, inputs: string[], outputs: string[]): NodeProto => {
    const node = makeNode({ opType, name: index.freshName(base), inputs, outputs });
    index.insertNode(node);
    return node;
  };
  const { codes, scale, zero } = quantizedWhileRunning(index, input);
  const named = (suffix: string) => index.freshName(`${name}.${suffix}`);
  const [sum, float, scales] = [named('sum'), named('sum_float'), named('scales')];
  add('MatMulInteger', name, [codes, weight.codes, zero, weight.zeroPoint], [sum]);
  const cast = add('Cast', `${name}/Cast`, [sum], [float]);
  cast.attribute.push(makeInt('to', FLOAT));
  add('Mul', `${name}/scales`, [scale, weight.scale], [scales]);
  const product = bias === null ? output : named('product');
  add('Mul', `${name}/scaled`, [float, scales], [product]);
  if (bias !== null) add('Add', `${name}/bias`, [product, bias], [output]);
};
