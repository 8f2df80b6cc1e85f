/** BatchNormalization and Dropout: how training was told from inference changed four times. */
import {
  attribute,
  floatAttribute,
  intAttribute,
  makeInt,
  makeInts,
  removeAttribute,
  setAttribute,
} from '../attributes';
import { label } from '../order';
import type { NodeProto } from '../schema';
import { elementTypeNumber } from '../schema';
import type { Adapter, AdapterTable, UpgradeContext } from './context';
import { setInput } from './inputs';

/** Before 7 `is_test` said it, and many exporters left it at 0: one output is inference. */
const outputsSayInference: Adapter = (node, c) => {
  const test = intAttribute(node, 'is_test', 0);
  removeAttribute(node, 'is_test');
  const more = node.output.filter((o) => o !== '').length > 1;
  if (test === 0 && more) throw c.refuse(node, 'it is in training mode');
  node.output = node.output.slice(0, 1);
  if (test === 0) c.did(node, 'read as inference, although is_test was 0');
};

/**
 * https://onnx.ai/onnx/operators/onnx__BatchNormalization.html: `spatial = 0` (before 9) has statistics for every element, not
 * channel; it becomes arithmetic: `(x − mean) · scale / √(var + ε) + B`.
 */
const withoutSpatial: Adapter = (node, c) => {
  const spatial = intAttribute(node, 'spatial', 1);
  removeAttribute(node, 'spatial');
  if (spatial !== 0) return;
  const [x, scale, b, mean, variance] = node.input as [string, string, string, string, string];
  const base = label(node);
  const eps = c.scalar('epsilon', c.type(x), floatAttribute(node, 'epsilon', 1e-5), node);
  const name = (what: string) => c.fresh(`${base}_${what}`);
  const [centred, shifted, deviation, factor, scaled] = [
    name('centred'),
    name('variance'),
    name('deviation'),
    name('factor'),
    name('scaled'),
  ];
  c.did(node, 'statistics per element became arithmetic');
  return [
    c.node('Sub', [x, mean], [centred], [], centred),
    c.node('Add', [variance, eps], [shifted], [], shifted),
    c.node('Sqrt', [shifted], [deviation], [], deviation),
    c.node('Div', [scale, deviation], [factor], [], factor),
    c.node('Mul', [centred, factor], [scaled], [], scaled),
    c.node('Add', [scaled, b], [node.output[0]!], [], base),
  ];
};

/** Since 14 `training_mode` says it; the further outputs are those of training. */
const oneOutput: Adapter = (node, c) => {
  if (node.output.slice(1).some((o) => o !== '')) throw c.refuse(node, 'it is in training mode');
  node.output = node.output.slice(0, 1);
};

const dropTest: Adapter = (node) => {
  removeAttribute(node, 'is_test');
};

/** https://onnx.ai/onnx/operators/onnx__Dropout.html: the mask is boolean since 10. */
const boolMask: Adapter = (node, c) => {
  const mask = node.output[1];
  if (!mask) return;
  const inner = c.fresh(`${mask}_bool`);
  node.output[1] = inner;
  c.did(node, 'its mask is boolean and cast back');
  const to = makeInt('to', elementTypeNumber(c.type(node.input[0])));
  return [node, c.node('Cast', [inner], [mask], [to], `${label(node)}_mask`)];
};

/** Since 12 the ratio is an input. */
const ratioToInput: Adapter = (node, c) => {
  const ratio = attribute(node, 'ratio');
  removeAttribute(node, 'ratio');
  if (!ratio) return;
  setInput(node, 1, c.scalar('ratio', 'float32', ratio.f, node));
  c.did(node, 'ratio became an input');
};

/**
 * onnxruntime's MeanVarianceNormalization-1 has attributes for what axes say since 9
 * (https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html).
 */
const meanVarianceAxes: Adapter = (node, c): NodeProto[] | undefined => {
  const across = intAttribute(node, 'across_channels', 0) !== 0;
  const divide = intAttribute(node, 'normalize_variance', 1) !== 0;
  removeAttribute(node, 'across_channels');
  removeAttribute(node, 'normalize_variance');
  const rank = c.rank(node.input[0]) ?? c.rank(node.output[0]) ?? 4;
  const axes = Array.from({ length: rank }, (_, i) => i).slice(across ? 1 : 2);
  c.did(node, 'its axes are said');
  if (!divide) return meanOnly(node, axes, c);
  setAttribute(node, makeInts('axes', axes));
  return undefined;
};

function meanOnly(node: NodeProto, axes: number[], c: UpgradeContext): NodeProto[] {
  const base = label(node);
  const mean = c.fresh(`${base}_mean`);
  const x = node.input[0]!;
  return [
    c.node('ReduceMean', [x], [mean], [makeInts('axes', axes)], mean),
    c.node('Sub', [x, mean], [node.output[0]!], [], base),
  ];
}

/**
 * onnxruntime's LayerNormalization, before ONNX had one, took an input of another type than its scale; since 17
 * they are one type (https://onnx.ai/onnx/operators/onnx__LayerNormalization.html).
 */
const oneType: Adapter = (node, c) => {
  const [x, scale] = node.input as [string, string];
  const [from, to] = [c.info(x).type, c.info(scale).type];
  if (from === to || from === 'undefined' || to === 'undefined') return;
  const same = c.fresh(`${label(node)}_input`);
  node.input[0] = same;
  c.did(node, `its input is cast to ${to}, the type of its scale`);
  return [c.node('Cast', [x], [same], [makeInt('to', elementTypeNumber(to))], same), node];
};

export const normalizationAdapters: AdapterTable = {
  BatchNormalization: [
    [7, outputsSayInference],
    [9, withoutSpatial],
    [14, oneOutput],
  ],
  Dropout: [
    [7, dropTest],
    [10, boolMask],
    [12, ratioToInput],
  ],
  LayerNormalization: [[17, oneType]],
  MeanVarianceNormalization: [[9, meanVarianceAxes]],
};
