/** Attributes that became inputs. */
import {
  attribute,
  floatAttribute,
  intAttribute,
  makeInt,
  removeAttribute,
  setAttribute,
} from '../attributes';
import type { NodeProto } from '../schema';
import type { Adapter, AdapterTable, UpgradeContext } from './context';

/** Takes an integer-list attribute off a node. int64 limits stay exact: `ends` may be 2^63 − 1. */
function takeInts(node: NodeProto, name: string): bigint[] | undefined {
  const found = attribute(node, name);
  removeAttribute(node, name);
  return found?.ints;
}

/** Sets an optional input, with empty names for those before it that are left out. */
export function setInput(node: NodeProto, slot: number, tensor: string): void {
  while (node.input.length <= slot) node.input.push('');
  node.input[slot] = tensor;
}

/** An integer-list attribute becomes an int64 input. */
function intsToInput(name: string, slot: number): Adapter {
  return (node, c) => {
    const values = takeInts(node, name);
    if (!values || values.length === 0) return;
    setInput(node, slot, c.ints(name, values));
    c.did(node, `${name} became an input`);
  };
}

/** https://onnx.ai/onnx/operators/onnx__Slice.html: starts, ends and axes are inputs since 10. */
const slice: Adapter = (node, c) => {
  const starts = takeInts(node, 'starts');
  const ends = takeInts(node, 'ends');
  const axes = takeInts(node, 'axes');
  if (!starts || !ends) throw c.refuse(node, 'it has no starts and ends');
  setInput(node, 1, c.ints('starts', starts));
  setInput(node, 2, c.ints('ends', ends));
  if (axes) setInput(node, 3, c.ints('axes', axes));
  c.did(node, 'starts, ends and axes became inputs');
};

/** https://onnx.ai/onnx/operators/onnx__Clip.html: min and max are inputs since 11. */
const clip: Adapter = (node, c) => {
  for (const [slot, name] of [
    [1, 'min'],
    [2, 'max'],
  ] as const) {
    if (!attribute(node, name)) continue;
    const type = c.type(node.input[0]);
    setInput(node, slot, c.scalar(name, type, floatAttribute(node, name, 0), node));
    removeAttribute(node, name);
    c.did(node, `${name} became an input`);
  }
};

/** https://onnx.ai/onnx/operators/onnx__Pad.html: `paddings` is `pads` since 2. */
const padName: Adapter = (node) => {
  const paddings = attribute(node, 'paddings');
  if (paddings) paddings.name = 'pads';
};

/** https://onnx.ai/onnx/operators/onnx__Pad.html: pads and value are inputs since 11. */
const pad: Adapter = (node, c) => {
  const pads = takeInts(node, 'pads');
  if (!pads) throw c.refuse(node, 'it has no pads');
  setInput(node, 1, c.ints('pads', pads));
  const value = floatAttribute(node, 'value', 0);
  removeAttribute(node, 'value');
  if (value !== 0) setInput(node, 2, c.scalar('pad_value', c.type(node.input[0]), value, node));
  c.did(node, 'pads became an input');
};

/** https://onnx.ai/onnx/operators/onnx__TopK.html: k is an input (of one element) since 10. */
const topK: Adapter = (node, c) => {
  const k = attribute(node, 'k');
  removeAttribute(node, 'k');
  if (!k) throw c.refuse(node, 'it has no k');
  setInput(node, 1, c.ints('k', [k.i]));
  c.did(node, 'k became an input');
};

/**
 * https://onnx.ai/onnx/operators/onnx__Tile.html: before 6 one axis was repeated, since 6 the input `repeats` has a
 * count for every axis.
 */
const tile: Adapter = (node, c: UpgradeContext) => {
  const [input, tiles, axis] = node.input;
  const count = c.constantValues(tiles)?.[0];
  const at = c.constantValues(axis)?.[0];
  const rank = c.rank(input) ?? c.rank(node.output[0]);
  if (count === undefined || at === undefined || rank === null)
    throw c.refuse(node, 'tiles, axis or the rank of its input are not constant');
  const repeats = new Array<number>(rank).fill(1);
  repeats[at < 0 ? at + rank : at] = count;
  node.input = [input!, c.ints('repeats', repeats)];
  c.did(node, 'tiles and axis became repeats');
};

/** https://onnx.ai/onnx/operators/onnx__Split.html: since 18, a Split without sizes says into how many parts. */
const splitCount: Adapter = (node, c) => {
  if (node.input[1]) return;
  setAttribute(node, makeInt('num_outputs', node.output.length));
  c.did(node, `num_outputs ${node.output.length} is said`);
};

/** https://onnx.ai/onnx/operators/onnx__DFT.html: since 20 the axis is an input, and its default another. */
const dftAxis: Adapter = (node, c) => {
  const axis = intAttribute(node, 'axis', 1);
  removeAttribute(node, 'axis');
  setInput(node, 2, c.scalar('axis', 'int64', axis, node));
  c.did(node, 'axis became an input');
};

/** Before 2, Split took its sizes as an attribute or as an input; the input is what 13 wants again. */
const splitInput: Adapter = (node, c) => {
  const sizes = c.constantValues(node.input[1]);
  if (!node.input[1]) return;
  if (!sizes) throw c.refuse(node, 'its sizes are computed');
  setInput(node, 1, c.ints('split', sizes));
};

/** https://onnx.ai/onnx/operators/onnx__ReduceMean.html: axes are an input since 18 (of ReduceSum since 13). */
const axesSince18 = [[18, intsToInput('axes', 1)]] as const;

export const inputAdapters: AdapterTable = {
  ReduceL1: axesSince18,
  ReduceL2: axesSince18,
  ReduceLogSum: axesSince18,
  ReduceLogSumExp: axesSince18,
  ReduceMax: axesSince18,
  ReduceMean: axesSince18,
  ReduceMin: axesSince18,
  ReduceProd: axesSince18,
  ReduceSumSquare: axesSince18,
  DFT: [[20, dftAxis]],
  Reshape: [[5, intsToInput('shape', 1)]],
  Squeeze: [[13, intsToInput('axes', 1)]],
  Unsqueeze: [[13, intsToInput('axes', 1)]],
  ReduceSum: [[13, intsToInput('axes', 1)]],
  Split: [
    [2, splitInput],
    [13, intsToInput('split', 1)],
    [18, splitCount],
  ],
  Slice: [[10, slice]],
  Clip: [[11, clip]],
  Pad: [
    [2, padName],
    [11, pad],
  ],
  TopK: [[10, topK]],
  Tile: [[6, tile]],
};
