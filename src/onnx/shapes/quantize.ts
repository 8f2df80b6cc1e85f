/** Quantize and dequantize. */
import { elementTypeName, type ElementType } from '../schema';
import { value, type Rule, type RuleNode } from './types';

/** https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html: the zero point says the type, else an attribute (21), else uint8 */
const quantizeLinear: Rule = (n) => {
  const dtype = n.int('output_dtype', 0);
  const type = n.has(2) ? n.input(2).type : dtype ? elementTypeName(dtype) : 'uint8';
  return [value(type, n.input(0).shape)];
};

/** Since 19 a scale of float16 makes a float16 output; since 23 an attribute may say it. */
const dequantizeLinear: Rule = (n) => {
  const dtype = n.int('output_dtype', 0);
  const type = dtype ? elementTypeName(dtype) : n.input(1).type;
  return [value(type === 'undefined' ? 'float32' : type, n.input(0).shape)];
};

const dynamicQuantizeLinear: Rule = (n) => [
  value('uint8', n.input(0).shape),
  value('float32', []),
  value('uint8', []),
];

/** Loss operators: a scalar, or with reduction `none` one value for every label. */
const loss = (logProbabilities: boolean): Rule => {
  const type = (n: RuleNode): ElementType => n.input(0).type;
  return (n) => {
    const none = n.string('reduction', 'mean') === 'none';
    const shape = none ? n.input(1).shape : [];
    return [value(type(n), shape), ...(logProbabilities ? [value(type(n), n.input(0).shape)] : [])];
  };
};

export const quantizeRules: Record<string, Rule> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  'com.microsoft:QuantizeLinear': quantizeLinear,
  'com.microsoft:DequantizeLinear': dequantizeLinear,
  NegativeLogLikelihoodLoss: loss(false),
  SoftmaxCrossEntropyLoss: loss(true),
};
