/** Attributes that got another default, another type or another name, or went away. */
import {
  attribute,
  floatAttribute,
  makeFloat,
  makeInt,
  makeString,
  removeAttribute,
  setAttribute,
  stringAttribute,
} from '../attributes';
import { AttributeType, DataType } from '../schema';
import type { Adapter, AdapterTable } from './context';

/** https://onnx.ai/onnx/operators/onnx__Concat.html: `axis` was 1 unless said; since 4 it must be said. */
const axisWasOne: Adapter = (node, c) => {
  if (attribute(node, 'axis')) return;
  setAttribute(node, makeInt('axis', 1));
  c.did(node, 'its axis 1 is said');
};

/** https://onnx.ai/onnx/operators/onnx__Cast.html: `to` was a name before 6. */
const typeByNumber: Adapter = (node, c) => {
  const to = attribute(node, 'to');
  if (to?.type !== AttributeType.STRING && (to?.s.length ?? 0) === 0) return;
  const name = stringAttribute(node, 'to', '').toUpperCase();
  const number = (DataType as unknown as Record<string, number | undefined>)[name];
  if (number === undefined) throw c.refuse(node, `there is no type '${name}'`);
  setAttribute(node, makeInt('to', number));
  c.did(node, 'its type is a number');
};

/** https://onnx.ai/onnx/operators/onnx__Selu.html#selu-1: the constants were shorter before 6. */
const seluConstants: Adapter = (node) => {
  setAttribute(node, makeFloat('alpha', floatAttribute(node, 'alpha', Math.fround(1.6732))));
  setAttribute(node, makeFloat('gamma', floatAttribute(node, 'gamma', Math.fround(1.0507))));
};

/** https://onnx.ai/onnx/operators/onnx__LpPool.html: `p` was a float before 2. */
const integerP: Adapter = (node, c) => {
  const p = floatAttribute(node, 'p', 2);
  if (attribute(node, 'p')?.type === AttributeType.INT) return;
  if (!Number.isInteger(p)) throw c.refuse(node, `p = ${p} is not an integer`);
  setAttribute(node, makeInt('p', p));
};

/** RNN, GRU, LSTM before 7: 0 allowed to leave Y out; since 7 an output without a name is left out. */
const outputsSayWanted: Adapter = (node) => {
  removeAttribute(node, 'output_sequence');
};

/** https://onnx.ai/onnx/operators/onnx__Scatter.html */
const scatterElements: Adapter = (node, c) => {
  node.opType = 'ScatterElements';
  c.did(node, 'Scatter became ScatterElements');
};

/** https://onnx.ai/onnx/operators/onnx__RoiAlign.html: boxes were not shifted by half a pixel before 16. */
const unshiftedBoxes: Adapter = (node) => {
  const name = 'coordinate_transformation_mode';
  if (!attribute(node, name)) setAttribute(node, makeString(name, 'output_half_pixel'));
};

/** https://onnx.ai/onnx/operators/onnx__GridSample.html: its modes lost the `bi` in 20. */
const shorterModes: Adapter = (node, c) => {
  const mode = stringAttribute(node, 'mode', 'bilinear');
  const now = { bilinear: 'linear', bicubic: 'cubic' }[mode];
  if (now === undefined) return;
  setAttribute(node, makeString('mode', now));
  c.did(node, `its mode ${mode} is called ${now}`);
};

export const defaultAdapters: AdapterTable = {
  Concat: [[4, axisWasOne]],
  Cast: [[6, typeByNumber]],
  Selu: [[6, seluConstants]],
  LpPool: [[2, integerP]],
  GlobalLpPool: [[2, integerP]],
  RNN: [[7, outputsSayWanted]],
  GRU: [[7, outputsSayWanted]],
  LSTM: [[7, outputsSayWanted]],
  Scatter: [[11, scatterElements]],
  RoiAlign: [[16, unshiftedBoxes]],
  GridSample: [[20, shorterModes]],
};
