/** Softmax, LogSoftmax and Hardmax: before 13 they ran over all axes from `axis` on, flattened to one. */
import { intAttribute, makeInt, removeAttribute, setAttribute } from '../attributes';
import { label } from '../order';
import type { Adapter, AdapterTable } from './context';

/**
 * https://onnx.ai/onnx/operators/onnx__Softmax.html
 *
 * 1. Where at most one axis from `axis` on is larger than 1, the same operator over that axis says the same.
 * 2. Else the input is flattened to two dimensions before it and reshaped back after it.
 */
const flattened: Adapter = (node, c) => {
  const input = node.input[0]!;
  const output = node.output[0]!;
  const given = intAttribute(node, 'axis', 1);
  const shape = c.info(input).shape ?? c.info(output).shape;
  if (shape) {
    const rank = shape.length;
    const axis = given < 0 ? given + rank : given;
    if (axis > rank - 1) throw c.refuse(node, `axis ${given} is outside rank ${rank}`);
    const wide = shape.flatMap((d, i) => (i >= axis && d !== 1 ? [i] : []));
    if (wide.length <= 1) {
      const only = wide[0] ?? rank - 1;
      setAttribute(node, makeInt('axis', only === rank - 1 ? -1 : only));
      if (only !== axis) c.did(node, `runs over axis ${only} alone, which is the same here`);
      return;
    }
  }
  const base = label(node);
  const flat = c.fresh(`${base}_flat`);
  const result = c.fresh(`${base}_flat_result`);
  const fixed = c.staticShape(input);
  const sizes = fixed ? c.ints('shape', fixed) : c.fresh(`${base}_shape`);
  removeAttribute(node, 'axis');
  setAttribute(node, makeInt('axis', -1));
  node.input = [flat];
  node.output = [result];
  node.name = base;
  c.did(node, `flattened from axis ${given} on, as it was before opset 13`);
  return [
    ...(fixed ? [] : [c.node('Shape', [input], [sizes], [], `${base}_shape`)]),
    c.node('Flatten', [input], [flat], [makeInt('axis', given)], `${base}_flatten`),
    node,
    c.node('Reshape', [result, sizes], [output], [], `${base}_reshape`),
  ];
};

export const softmaxAdapters: AdapterTable = {
  Softmax: [[13, flattened]],
  LogSoftmax: [[13, flattened]],
  Hardmax: [[13, flattened]],
};
