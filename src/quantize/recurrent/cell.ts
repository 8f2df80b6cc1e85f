import {
  attribute,
  floatAttribute,
  floatData,
  intAttribute,
  isDefaultDomain,
  stringAttribute,
  tensorDims,
  tensorType,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';
import { readActivations, type Activation } from './activations';
import { whyNotWeights } from '../weights';
import { GATES, type CellOperator } from './gates';

/** Weights of one direction: W [gates·hidden, inputs], R [gates·hidden, hidden], both biases [gates·hidden] or null. */
export interface DirectionWeights {
  reverse: boolean;
  w: Float32Array;
  r: Float32Array;
  /** Bias of the input projection and of the recurrent one. */
  wb: Float32Array | null;
  rb: Float32Array | null;
  /** Two or three functions for LSTM and GRU (f, g, h), one for RNN. */
  activations: Activation[];
}

/** A recurrent node in numbers: everything that its arithmetic needs. */
export interface RecurrentCell {
  op: CellOperator;
  node: NodeProto;
  hidden: number;
  inputs: number;
  gates: number;
  directions: DirectionWeights[];
  /** Pre-activations are clipped to ±clip; Infinity where they are not. */
  clip: number;
  linearBeforeReset: boolean;
  inputForget: boolean;
  /** Tensor names; empty where the node has none. */
  x: string;
  sequenceLens: string;
  initialH: string;
  initialC: string;
}

/** True for LSTM, GRU and RNN of ONNX's own domain. */
export function isRecurrent(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && Object.hasOwn(GATES, node.opType);
}

/** Shapes and attributes of a cell, without its weights. */
type CellForm = Omit<RecurrentCell, 'directions'> & {
  reversed: boolean[];
  activations: Activation[][];
};

/** Why a recurrent node cannot be taken apart, in a sentence; null where it can. Weights are not read. */
export function whyNotApart(index: GraphIndex, node: NodeProto): string | null {
  const form = cellForm(index, node);
  return typeof form === 'string' ? form : null;
}

/**
 * Reads a recurrent node with time first (`layout` 0), or says in a sentence why it cannot be taken apart: computed or
 * non-float weights, peepholes, activations that no operator computes.
 */
export function readCell(
  index: GraphIndex,
  node: NodeProto,
  dir: string | null,
): RecurrentCell | string {
  const form = cellForm(index, node);
  if (typeof form === 'string') return form;
  const { reversed, activations, ...rest } = form;
  const rows = rest.gates * rest.hidden;
  const values = (slot: number) => floatData(index.initializer(node.input[slot]!)!, dir);
  const [w, r] = [values(1), values(2)];
  const b = (node.input[3] ?? '') === '' ? null : values(3);
  return {
    ...rest,
    directions: reversed.map((reverse, d) => ({
      reverse,
      w: w.subarray(d * rows * rest.inputs, (d + 1) * rows * rest.inputs),
      r: r.subarray(d * rows * rest.hidden, (d + 1) * rows * rest.hidden),
      wb: b && b.subarray(2 * d * rows, (2 * d + 1) * rows),
      rb: b && b.subarray((2 * d + 1) * rows, (2 * d + 2) * rows),
      activations: activations[d]!,
    })),
  };
}

function cellForm(index: GraphIndex, node: NodeProto): CellForm | string {
  if (!isRecurrent(node)) return `${node.opType} is no recurrent operator`;
  const op = node.opType as CellOperator;
  const unfit = whyNotWeights(index, node, [1, 2]);
  if (unfit !== null) return unfit;
  if ((node.input[3] ?? '') !== '') {
    const bias = index.initializer(node.input[3]!);
    if (!bias) return 'its bias is computed, not a constant';
    if (tensorType(bias) !== 'float32') return `its bias is ${tensorType(bias)}, not float32`;
  }
  if (op === 'LSTM' && (node.input[7] ?? '') !== '')
    return 'its gates look at the cell state through peepholes, which its static INT8 form does not have';
  const gates = GATES[op].length;
  const dims = (slot: number) => tensorDims(index.initializer(node.input[slot]!)!);
  const [count, rows, inputs] = dims(1);
  const odd = 'its weights do not have the shape of its operator';
  if (count === undefined || rows === undefined || inputs === undefined) return odd;
  const hidden = rows / gates;
  if (dims(2).join() !== [count, rows, hidden].join()) return odd;
  const direction = stringAttribute(node, 'direction', 'forward');
  const reversed = direction === 'bidirectional' ? [false, true] : [direction === 'reverse'];
  if (reversed.length !== count) return 'its weights do not fit its direction';
  const activations = readActivations(node, op, count);
  if (typeof activations === 'string') return activations;
  return {
    op,
    node,
    hidden,
    inputs,
    gates,
    reversed,
    activations,
    clip: attribute(node, 'clip') ? floatAttribute(node, 'clip', Infinity) : Infinity,
    linearBeforeReset: intAttribute(node, 'linear_before_reset', 0) !== 0,
    inputForget: intAttribute(node, 'input_forget', 0) !== 0,
    x: node.input[0]!,
    sequenceLens: node.input[4] ?? '',
    initialH: node.input[5] ?? '',
    initialC: op === 'LSTM' ? (node.input[6] ?? '') : '',
  };
}
