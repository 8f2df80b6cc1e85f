/** Products of integers: MatMulInteger and ConvInteger, whose int32 results are made float by a Cast. */
import { makeTensor, tensorDims, tensorType } from '../../onnx';
import { codeValues } from './constants';
import { isProduct } from './linear';
import type { Rule } from './rule';
import { keep, type Workshop } from './workshop';

/**
 * `(A − zₐ) · (B − z_b)` with B constant: the same product of floats. https://onnx.ai/onnx/operators/onnx__MatMulInteger.html.
 * Sums of int32 are exact in float only up to 2²⁴; beyond, the float product rounds, as any float model does.
 */
function product(opType: 'MatMul' | 'Conv', attributes: readonly string[]): Rule {
  return (node, w) => {
    if (!isProduct(w, node)) return false;
    const [a, b, za = '', zb = ''] = node.input as [string, string, string?, string?];
    const weight = withoutZeroPoint(w, b, zb);
    if (weight === null) return false;
    const codes = w.codesOf(a);
    const type = codes ? 'uint8' : tensorTypeOf(w, za);
    const { one } = w.unit(type);
    const values = w.operand(a, one, w.now(za));
    if (values === null) return false;
    const output = w.add(opType, [values, weight], keep(node, ...attributes), node.name);
    // the Cast behind it has nothing left to do
    for (const cast of w.index.consumers(node.output[0]!)) w.alias(cast.output[0]!, output);
    w.settle(...w.index.consumers(node.output[0]!));
    return true;
  };
}

function tensorTypeOf(w: Workshop, zeroPoint: string) {
  const tensor = w.constant(zeroPoint);
  return tensor ? tensorType(tensor) : 'uint8';
}

/** The constant `B − z` in floats; null where the zero points do not fit. */
function withoutZeroPoint(w: Workshop, tensor: string, zeroPoint: string): string | null {
  const proto = w.constant(tensor)!;
  const codes = codeValues(proto, w.model.dir);
  const zeros = w.zeroPoints(zeroPoint);
  if (!codes || zeros === undefined) return null;
  const ones = new Float32Array(zeros?.length ?? 1).fill(1);
  const scale = w.fresh('ones');
  w.index.addInitializer(makeTensor(scale, 'float32', ones.length > 1 ? [ones.length] : [], ones));
  const axis = tensorDims(proto).length - 1;
  return w.floatConstant(tensor, scale, zeroPoint, { axis, blockSize: 0 });
}

export const integerRules: Record<string, Rule> = {
  MatMulInteger: product('MatMul', []),
  ConvInteger: product('Conv', [
    ...['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'],
  ]),
};
