/** Operators that make tensors out of nothing or of a shape. */
import { elementTypeName, type ElementType } from '../schema';
import { tensorDims, tensorType } from '../tensor';
import { smallData } from './data';
import { MAX_DATA, product, UNKNOWN, value, type Dim, type Rule, type RuleNode } from './types';

/** https://onnx.ai/onnx/operators/onnx__Constant.html */
const constant: Rule = (n) => {
  const tensor = n.attribute('value')?.t;
  if (tensor) return [value(tensorType(tensor), tensorDims(tensor), smallData(tensor, null))];
  const int = n.attribute('value_int');
  if (int) return [value('int64', [], [Number(int.i)])];
  const float = n.attribute('value_float');
  if (float) return [value('float32', [], [float.f])];
  const ints = n.attribute('value_ints');
  if (ints) return [value('int64', [ints.ints.length], ints.ints.map(Number))];
  const floats = n.attribute('value_floats');
  if (floats) return [value('float32', [floats.floats.length], [...floats.floats])];
  if (n.attribute('value_string')) return [value('string', [])];
  const strings = n.attribute('value_strings');
  if (strings) return [value('string', [strings.strings.length])];
  const sparse = n.attribute('sparse_value')?.sparseTensor;
  if (sparse?.values) return [value(tensorType(sparse.values), sparse.dims.map(Number))];
  return [UNKNOWN];
};

const constantOfShape: Rule = (n) => {
  const tensor = n.attribute('value')?.t;
  const shape = n.input(0).data;
  const rank = n.input(0).shape?.[0];
  const type = tensor ? tensorType(tensor) : 'float32';
  if (!shape)
    return [value(type, typeof rank === 'number' ? new Array<Dim>(rank).fill(null) : null)];
  const count = product(shape);
  const filling = tensor ? (smallData(tensor, null)?.[0] ?? null) : 0;
  const data = count !== null && count <= MAX_DATA ? new Array<Dim>(count).fill(filling) : null;
  return [value(type, shape, data)];
};

/** https://onnx.ai/onnx/operators/onnx__Range.html */
const range: Rule = (n) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => n.input(i).data?.[0] ?? null);
  const { type } = n.input(0);
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof delta !== 'number')
    return [value(type, [start === 0 && delta === 1 ? (limit ?? null) : null])];
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const data = length <= MAX_DATA ? Array.from({ length }, (_, i) => start + i * delta) : null;
  return [value(type, [length], data)];
};

function dtype(n: RuleNode, fallback: ElementType): ElementType {
  const number = n.int('dtype', 0);
  return number ? elementTypeName(number) : fallback;
}

const random: Rule = (n) => [value(dtype(n, 'float32'), n.ints('shape') ?? [])];

const multinomial: Rule = (n) => [
  value(dtype(n, 'int32'), [n.input(0).shape?.[0] ?? null, n.int('sample_size', 1)]),
];

const window: Rule = (n) => {
  const number = n.int('output_datatype', 1);
  return [value(elementTypeName(number), [n.input(0).data?.[0] ?? null])];
};

const melWeights: Rule = (n) => {
  const [bins, length] = [n.input(0).data?.[0] ?? null, n.input(1).data?.[0] ?? null];
  const rows = typeof length === 'number' ? Math.floor(length / 2) + 1 : null;
  return [value(elementTypeName(n.int('output_datatype', 1)), [rows, bins])];
};

const givenTensorFill: Rule = (n) => [value('float32', n.ints('shape') ?? null)];
const constantFill: Rule = (n) => {
  const shape = n.ints('shape');
  if (shape) return [value('float32', shape)];
  return [value('float32', n.int('input_as_shape', 0) ? n.input(0).data : n.input(0).shape)];
};

export const makeRules: Record<string, Rule> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  RandomNormal: random,
  RandomUniform: random,
  Multinomial: multinomial,
  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,
  MelWeightMatrix: melWeights,
  GivenTensorFill: givenTensorFill,
  ConstantFill: constantFill,
};
