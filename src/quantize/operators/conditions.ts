import { intAttribute, stringAttribute, type NodeProto } from '../../onnx';
import type { NodeCondition } from './types';

const has = (node: NodeProto, slot: number) => (node.input[slot] ?? '') !== '';

/** Resize that copies values instead of mixing them. */
export const NEAREST: NodeCondition = {
  says: 'its mode is nearest and it has no region of interest',
  otherwise: 'it mixes values: only Resize of mode nearest moves codes',
  holds: (node) => stringAttribute(node, 'mode', 'nearest') === 'nearest' && !has(node, 1),
};

/** MaxPool that gives no indices. */
export const NO_INDICES: NodeCondition = {
  says: 'it gives no indices',
  otherwise: 'it gives indices too, which the integer kernel cannot',
  holds: (node) => node.output.filter((name) => name !== '').length === 1,
};

/** Gemm whose input is taken as it comes. */
export const NOT_TRANSPOSED: NodeCondition = {
  says: 'it does not transpose its input',
  otherwise: 'it transposes its input, which the integer kernel cannot',
  holds: (node) => intAttribute(node, 'transA', 0) === 0,
};

/** Pad that puts zeros around, or values of its input. */
export const WITH_ZEROS: NodeCondition = {
  says: 'it names no value to pad with (zero)',
  otherwise: 'it names the value that it pads with',
  holds: (node) => !has(node, 2) || stringAttribute(node, 'mode', 'constant') !== 'constant',
};
