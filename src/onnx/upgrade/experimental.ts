/** Operators that ONNX had on trial in its first releases and took out; onnxruntime still runs some of them. */
import {
  attribute,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  makeFloat,
  makeTensorAttribute,
} from '../attributes';
import { label } from '../order';
import type { NodeProto } from '../schema';
import { makeTensor } from '../tensor';
import type { Adapter, AdapterTable, UpgradeContext } from './context';

/** `alpha · f(beta · x)`, with the factors of 1 left out. */
function scaled(
  node: NodeProto,
  c: UpgradeContext,
  alpha: number,
  beta: number,
  inner: string,
): NodeProto[] {
  const base = label(node);
  const nodes: NodeProto[] = [];
  let x = node.input[0]!;
  if (beta !== 1) {
    const y = c.fresh(`${base}_times_beta`);
    nodes.push(c.node('Mul', [x, c.scalar('beta', c.type(x), beta, node)], [y], [], y));
    x = y;
  }
  const output = node.output[0]!;
  const y = alpha === 1 ? output : c.fresh(`${base}_${inner.toLowerCase()}`);
  nodes.push(c.node(inner, [x], [y], [], base));
  if (alpha !== 1) {
    const factor = c.scalar('alpha', c.type(node.input[0]), alpha, node);
    nodes.push(c.node('Mul', [y, factor], [output], [], c.fresh(`${base}_times_alpha`)));
  }
  c.did(node, `${node.opType} became ${nodes.map((n) => n.opType).join(' and ')}`);
  return nodes;
}

/** `alpha · x + beta` */
const affine: Adapter = (node, c) => {
  const base = label(node);
  const x = node.input[0]!;
  const type = c.type(x);
  const alpha = c.scalar('alpha', type, floatAttribute(node, 'alpha', 1), node);
  const beta = c.scalar('beta', type, floatAttribute(node, 'beta', 0), node);
  const product = c.fresh(`${base}_scaled`);
  c.did(node, 'Affine became Mul and Add');
  return [
    c.node('Mul', [x, alpha], [product], [], product),
    c.node('Add', [product, beta], [node.output[0]!], [], base),
  ];
};

/** `scale · x + bias[channel]` on NCHW images */
const imageScaler: Adapter = (node, c) => {
  const base = label(node);
  const x = node.input[0]!;
  const bias = floatsAttribute(node, 'bias') ?? [];
  const scale = c.scalar('scale', c.type(x), floatAttribute(node, 'scale', 1), node);
  if (c.type(x) !== 'float32') throw c.refuse(node, 'its input is not float32');
  const offset = c.share('bias', 'float32', [bias.length, 1, 1], Float32Array.from(bias));
  const product = c.fresh(`${base}_scaled`);
  c.did(node, 'ImageScaler became Mul and Add');
  return [
    c.node('Mul', [x, scale], [product], [], product),
    c.node('Add', [product, offset], [node.output[0]!], [], base),
  ];
};

/** Takes `border` (left, top, right, bottom) off an NCHW image, or keeps `scale` (height, width) behind left and top. */
const crop: Adapter = (node, c) => {
  const border = intsAttribute(node, 'border');
  if (border?.length !== 4) throw c.refuse(node, 'its border is not left, top, right, bottom');
  const [left, top, right, bottom] = border as [number, number, number, number];
  const size = intsAttribute(node, 'scale');
  const end = 2n ** 63n - 1n;
  const ends =
    size?.length === 2
      ? [top + size[0]!, left + size[1]!]
      : [bottom > 0 ? -bottom : end, right > 0 ? -right : end];
  const x = node.input[0]!;
  c.did(node, 'Crop became Slice');
  const inputs = [c.ints('starts', [top, left]), c.ints('ends', ends), c.ints('axes', [2, 3])];
  return [c.node('Slice', [x, ...inputs], [...node.output], [], label(node))];
};

const parametricSoftplus: Adapter = (node, c) =>
  scaled(node, c, floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1), 'Softplus');

const scaledTanh: Adapter = (node, c) =>
  scaled(node, c, floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1), 'Tanh');

/** `scale · x` */
const scale: Adapter = (node, c) => {
  const x = node.input[0]!;
  const factor = c.scalar('scale', c.type(x), floatAttribute(node, 'scale', 1), node);
  c.did(node, 'Scale became Mul');
  return [c.node('Mul', [x, factor], [node.output[0]!], [], label(node))];
};

/** Slice whose starts and ends were inputs before Slice's were. */
const dynamicSlice: Adapter = (node, c) => {
  c.did(node, 'DynamicSlice became Slice');
  return [c.node('Slice', [...node.input], [...node.output], [], label(node))];
};

/** A tensor of one value, its shape said by an attribute or by the input. */
const constantFill: Adapter = (node, c) => {
  const value = floatAttribute(node, 'value', 0);
  if (intAttribute(node, 'dtype', 1) !== 1 || attribute(node, 'extra_shape'))
    throw c.refuse(node, 'it makes no float32 tensor, or extends a shape');
  const shape = intsAttribute(node, 'shape');
  let input = node.input[0];
  if (shape) input = c.ints('shape', shape);
  else if (!input) throw c.refuse(node, 'it has no shape');
  const nodes: NodeProto[] = [];
  if (!shape && intAttribute(node, 'input_as_shape', 0) === 0) {
    const sizes = c.fresh(`${label(node)}_shape`);
    nodes.push(c.node('Shape', [input], [sizes], [], sizes));
    input = sizes;
  }
  const filling = makeTensor('', 'float32', [1], Float32Array.of(value));
  c.did(node, 'ConstantFill became ConstantOfShape');
  return [
    ...nodes,
    c.node(
      'ConstantOfShape',
      [input],
      [node.output[0]!],
      [makeTensorAttribute('value', filling)],
      label(node),
    ),
  ];
};

/** A tensor of the values and the shape that its attributes say. */
const givenTensorFill: Adapter = (node, c) => {
  const values = floatsAttribute(node, 'values') ?? [];
  const shape = intsAttribute(node, 'shape');
  if (!shape) throw c.refuse(node, 'it has no shape attribute');
  const tensor = makeTensor('', 'float32', shape, Float32Array.from(values));
  c.did(node, 'GivenTensorFill became Constant');
  return [
    c.node('Constant', [], [node.output[0]!], [makeTensorAttribute('value', tensor)], label(node)),
  ];
};

/** Its default threshold, said: the operator itself came back in 10 as it had been. */
const thresholdedRelu: Adapter = (node) => {
  if (!attribute(node, 'alpha')) node.attribute.push(makeFloat('alpha', 1));
};

const gone: Adapter = (node, c) => {
  throw c.refuse(node, 'ONNX took the operator out and nothing has its meaning');
};

/** All of them left with opset 10, except that models of later opsets hold them too. */
export const experimentalAdapters: AdapterTable = {
  Affine: [[10, affine]],
  ImageScaler: [[10, imageScaler]],
  Crop: [[10, crop]],
  ParametricSoftplus: [[10, parametricSoftplus]],
  ScaledTanh: [[10, scaledTanh]],
  Scale: [[10, scale]],
  DynamicSlice: [[10, dynamicSlice]],
  ConstantFill: [[9, constantFill]],
  GivenTensorFill: [[9, givenTensorFill]],
  ThresholdedRelu: [[10, thresholdedRelu]],
  ATen: [[10, gone]],
  GRUUnit: [[10, gone]],
  FC: [[10, gone]],
};
