/** Broadcasting before opset 7: said by the attributes `broadcast` and `axis`, the second input only. */
import { attribute, intAttribute, removeAttribute } from '../attributes';
import { label } from '../order';
import type { Adapter, AdapterTable } from './context';

/**
 * https://onnx.ai/onnx/operators/onnx__Add.html#add-6: with `broadcast = 1` the second input's axes are those of
 * the first from `axis` on (default: its last ones). numpy's rule, in force since 7, says the same where they
 * are the last ones; else axes of size 1 go behind them.
 */
const alignSecond: Adapter = (node, c) => {
  const broadcast = intAttribute(node, 'broadcast', 0);
  const axis = attribute(node, 'axis') ? intAttribute(node, 'axis', 0) : null;
  removeAttribute(node, 'broadcast');
  removeAttribute(node, 'axis');
  if (broadcast === 0 || axis === null) return;
  const [a, b] = node.input as [string, string];
  const rankA = c.rank(a) ?? c.rank(node.output[0]);
  const rankB = c.rank(b);
  if (rankB === 0) return;
  if (rankA === null || rankB === null)
    throw c.refuse(node, 'it broadcasts along an axis of tensors of unknown rank');
  const start = axis < 0 ? axis + rankA : axis;
  const behind = rankA - start - rankB;
  if (behind < 0) throw c.refuse(node, `axis ${axis} leaves no room for its second input`);
  if (behind === 0) return;
  const axes = Array.from({ length: behind }, (_, i) => rankB + i);
  const wider = c.unsqueeze(label(node), b, axes);
  node.input = [a, wider.output];
  c.did(node, `axis ${axis} of its broadcast became axes of size 1`);
  return [wider.node, node];
};

/**
 * https://onnx.ai/onnx/operators/onnx__PRelu.html: before 7 a slope of one axis belonged to axis 1 (the channels),
 * since 7 numpy's rule holds.
 */
const slopePerChannel: Adapter = (node, c) => {
  const [x, slope] = node.input as [string, string];
  const shape = c.info(slope).shape;
  if (shape && (shape.length === 0 || (shape.length === 1 && shape[0] === 1))) return;
  const rank = c.rank(x) ?? c.rank(node.output[0]);
  if (!shape || rank === null) throw c.refuse(node, 'the rank of its input or slope is unknown');
  if (shape.length !== 1 || rank <= 2) return;
  const wider = c.unsqueeze(
    label(node),
    slope,
    Array.from({ length: rank - 2 }, (_, i) => i + 1),
  );
  node.input = [x, wider.output];
  c.did(node, 'its slope per channel got axes of size 1');
  return [wider.node, node];
};

/** Gemm before 7: the attribute said whether C broadcasts; since 7 it always may. */
const dropBroadcast: Adapter = (node) => {
  removeAttribute(node, 'broadcast');
};

const binary = [[7, alignSecond]] as const;
export const broadcastAdapters: AdapterTable = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: binary,
  And: binary,
  Or: binary,
  Xor: binary,
  Equal: binary,
  Greater: binary,
  Less: binary,
  Gemm: [[7, dropBroadcast]],
  PRelu: [[7, slopePerChannel]],
};
