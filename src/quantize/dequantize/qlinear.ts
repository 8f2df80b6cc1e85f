/** Operators of integers that have a float operator of the same meaning. */
import {
  intAttribute,
  makeInts,
  tensorDims,
  type AttributeProto,
  type NodeProto,
} from '../../onnx';
import { codeValues } from './constants';
import type { Rule } from './rule';
import { keep, type Workshop } from './workshop';

/** Scale and zero point of the result stand at `at` and behind it. Values from the integer output on are rounded. */
function result(node: NodeProto, w: Workshop, at: number, value: string): void {
  const [scale, zeroPoint = ''] = [node.input[at]!, node.input[at + 1]];
  w.quantized(node.output[0]!, value, { scale, zeroPoint, axis: 1, blockSize: 0 });
}

/** https://onnx.ai/onnx/operators/onnx__QLinearConv.html: x, w and y with their scales, then an int32 bias. */
const conv: Rule = (node, w) => {
  const [x, xs, xz, k, ks, kz] = node.input as [string, string, string, string, string, string];
  const weight = w.constant(k) ? w.floatConstant(k, ks, kz, { axis: 0, blockSize: 0 }) : null;
  const bias = node.input[8] ? biasOf(w, node.input[8], xs, ks, 1) : '';
  if (weight === null || bias === null) return false;
  const data = w.operand(x, xs, xz);
  if (data === null) return false;
  const attributes = keep(
    node,
    ...['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'],
  );
  result(node, w, 6, w.add('Conv', [data, weight, bias], attributes, node.name));
  return true;
};

/** An int32 bias has the scale `s_x · s_w · factor` and no zero point; null where it is computed. */
function biasOf(w: Workshop, bias: string, xs: string, ws: string, factor: number): string | null {
  const [proto, x, weights] = [w.constant(bias), w.scales(xs), w.scales(ws)];
  const codes = proto && codeValues(proto, w.model.dir);
  if (!proto || !codes || x?.length !== 1 || !weights) return null;
  const values = Float32Array.from(
    codes,
    (q, c) => q * x[0]! * weights[weights.length === 1 ? 0 : c % weights.length]! * factor,
  );
  return w.float(`${bias}_value`, tensorDims(proto), values);
}

/** https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html: scales for all, per row of a, per column of b. */
const matmul: Rule = (node, w) => {
  const [a, as, az, b, bs, bz] = node.input as [string, string, string, string, string, string];
  const rank = w.constant(b) ? tensorDims(w.constant(b)!).length : 2;
  const left = w.scales(as)?.length === 1 ? w.operand(a, as, az) : null;
  if (left === null) return false;
  const right = w.operand(b, bs, bz, { axis: rank - 1, blockSize: 0 });
  if (right === null) return false;
  result(node, w, 6, w.add('MatMul', [left, right], [], node.name));
  return true;
};

/** com.microsoft.QGemm: like Gemm without beta; without a scale the result is float. */
const gemm: Rule = (node, w) => {
  const [a, as, az, b, bs, bz] = node.input as [string, string, string, string, string, string];
  const alpha = node.attribute.find((x) => x.name === 'alpha')?.f ?? 1;
  const axis = intAttribute(node, 'transB', 0) === 0 ? 1 : 0;
  const weight = w.constant(b) ? w.floatConstant(b, bs, bz, { axis, blockSize: 0 }) : null;
  const bias = node.input[6] ? biasOf(w, node.input[6], as, bs, alpha) : '';
  if (weight === null || bias === null) return false;
  const data = w.operand(a, as, az);
  if (data === null) return false;
  const attributes = keep(node, 'alpha', 'transA', 'transB');
  const value = w.add('Gemm', [data, weight, bias], attributes, node.name);
  if ((node.input[7] ?? '') === '') w.alias(node.output[0]!, value);
  else result(node, w, 7, value);
  return true;
};

/** Two operands with their scales, then those of the result. */
function binary(opType: string): Rule {
  return (node, w) => {
    const [a, as, az, b, bs, bz] = node.input as [string, string, string, string, string, string];
    const [left, right] = [w.operand(a, as, az), w.operand(b, bs, bz)];
    if (left === null || right === null) return false;
    result(node, w, 6, w.add(opType, [left, right], [], node.name));
    return true;
  };
}

/** One operand with its scale, then those of the result. */
function unary(
  opType: string,
  attributes: (node: NodeProto, w: Workshop) => AttributeProto[] | null,
): Rule {
  return (node, w) => {
    const [x, xs, xz] = node.input as [string, string, string];
    const said = attributes(node, w);
    const value = said && w.operand(x, xs, xz);
    if (!said || value === null) return false;
    result(node, w, 3, w.add(opType, [value], said, node.name));
    return true;
  };
}

/** Pools that count their channels last have no float operator of that kind. */
const pool =
  (...names: string[]) =>
  (node: NodeProto) =>
    intAttribute(node, 'channels_last', 0) === 0 ? keep(node, ...names) : null;

/** com.microsoft.QLinearConcat: scale and zero point of the result, then three inputs for each part. */
const concat: Rule = (node, w) => {
  const parts: string[] = [];
  for (let i = 2; i + 1 < node.input.length; i += 3) {
    const value = w.operand(node.input[i]!, node.input[i + 1]!, node.input[i + 2] ?? '');
    if (value === null) return false;
    parts.push(value);
  }
  result(node, w, 0, w.add('Concat', parts, keep(node, 'axis'), node.name));
  return true;
};

/** com.microsoft.QLinearWhere: condition, then X, Y and the result with their scales. */
const where: Rule = (node, w) => {
  const [condition, x, xs, xz, y, ys, yz] = node.input as [string, ...string[]];
  const [left, right] = [w.operand(x!, xs!, xz!), w.operand(y!, ys!, yz!)];
  if (left === null || right === null) return false;
  result(node, w, 7, w.add('Where', [w.now(condition), left, right], [], node.name));
  return true;
};

/** com.microsoft.QLinearReduceMean: axes are an attribute of its own, and of ReduceMean before opset 18. */
const reduceMean: Rule = (node, w) => {
  const axes = node.attribute.find((a) => a.name === 'axes');
  const [x, xs, xz] = node.input as [string, string, string];
  const value = w.operand(x, xs, xz);
  if (value === null) return false;
  const late = w.model.opset >= 18;
  const said = [...(axes && !late ? [makeInts('axes', axes.ints.map(Number))] : [])];
  const input = axes && late ? [w.ints('axes', axes.ints.map(Number))] : [];
  const attributes = [...said, ...keep(node, 'keepdims')];
  result(node, w, 3, w.add('ReduceMean', [value, ...input], attributes, node.name));
  return true;
};

export const qlinearRules: Record<string, Rule> = {
  QLinearConv: conv,
  QLinearMatMul: matmul,
  'com.microsoft:QGemm': gemm,
  'com.microsoft:QLinearAdd': binary('Add'),
  'com.microsoft:QLinearMul': binary('Mul'),
  'com.microsoft:QLinearConcat': concat,
  'com.microsoft:QLinearWhere': where,
  'com.microsoft:QLinearReduceMean': reduceMean,
  'com.microsoft:QLinearLeakyRelu': unary('LeakyRelu', (node) => keep(node, 'alpha')),
  'com.microsoft:QLinearSigmoid': unary('Sigmoid', () => []),
  // before opset 13 Softmax flattened what it read
  'com.microsoft:QLinearSoftmax': unary('Softmax', (node, w) =>
    intAttribute(node, 'opset', 13) >= 13 === w.model.opset >= 13 ? keep(node, 'axis') : null,
  ),
  'com.microsoft:QLinearGlobalAveragePool': unary('GlobalAveragePool', pool()),
  'com.microsoft:QLinearAveragePool': unary(
    'AveragePool',
    pool(...['auto_pad', 'ceil_mode', 'count_include_pad', 'kernel_shape', 'pads', 'strides']),
  ),
};
