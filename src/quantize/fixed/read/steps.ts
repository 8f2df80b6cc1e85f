/** Reads one node that computes as a step whose result has no format yet. */
import { floatData, intAttribute, stringAttribute, type NodeProto } from '../../../onnx';
import { moveSource, MOVE_OPERATORS, VIEW_OPERATORS } from '../moves';
import { TABLE_OPERATORS, tableOf } from '../table';
import { readPair } from './pairs';
import { readPool } from './pools';
import { readConv, readMatrix } from './products';
import { OPEN, type Made, type ReadState } from './state';

/** Null where the node has no form in integers, or what it reads is no codes. */
export async function readStep(state: ReadState, node: NodeProto): Promise<Made | null> {
  const inputs = node.input.map((name) => state.known.get(name) ?? null);
  const first = inputs[0];
  const { opType } = node;
  if (opType === 'Add' || opType === 'Sub' || opType === 'Mul')
    return readPair(state, node, inputs);
  if (opType === 'Concat') return readConcat(state, node, inputs);
  if (!first) return null;
  if (opType === 'Conv') return readConv(state, node, first);
  if (opType === 'Gemm' || opType === 'MatMul') return readMatrix(state, node, first);
  if (opType.endsWith('Pool')) return readPool(state, node, first);
  if (TABLE_OPERATORS.has(opType)) return readTable(state, node, first);
  if (VIEW_OPERATORS.has(opType))
    return {
      step: { ...stepOf(state, node, first), op: 'view' },
      shape: state.shapeOf(node.output[0]!, node),
      ...OPEN,
    };
  const bounds = state.boundsOf(node);
  return (
    bounds && {
      step: { ...stepOf(state, node, first), op: 'requantize' },
      shape: state.shapeOf(node.output[0]!, node),
      ...bounds,
    }
  );
}

/** What all steps on one tensor's own codes have in common. */
export function stepOf(state: ReadState, node: NodeProto, input: string) {
  return {
    name: state.nameOf(node),
    inputs: [input],
    output: '',
    dims: state.shapeOf(node.output[0]!, node),
    requantize: null,
    sum: state.codes(input),
    sumFraction: state.fraction(input),
  };
}

function readConcat(
  state: ReadState,
  node: NodeProto,
  inputs: readonly (string | null)[],
): Made | null {
  if (!inputs.every((t): t is string => t !== null)) return null;
  const shape = state.shapeOf(node.output[0]!, node);
  const axis = intAttribute(node, 'axis', 0);
  const codes = inputs.map((t) => state.codes(t));
  return {
    step: {
      op: 'concat',
      name: state.nameOf(node),
      inputs: [...inputs],
      output: '',
      dims: shape,
      requantize: null,
      sum: {
        low: Math.min(...codes.map((c) => c.low)),
        high: Math.max(...codes.map((c) => c.high)),
      },
      sumFraction: 0,
      axis: axis < 0 ? axis + shape.length : axis,
      shifts: inputs.map((t) => state.fraction(t)),
    },
    shape,
    ...OPEN,
  };
}

/** A table needs the format behind it: the only reader has to be a quantizer. */
async function readTable(state: ReadState, node: NodeProto, input: string): Promise<Made | null> {
  const [reader, more] = state.index.consumers(node.output[0]!);
  if (!reader || more || reader.opType !== 'QuantizeLinear') return null;
  const { exponents } = state.scalesOf(reader);
  const table = await tableOf(state.model, node, -state.fraction(input), exponents[0]!);
  return {
    step: { ...stepOf(state, node, input), op: 'table', table, sumFraction: -exponents[0]! },
    shape: state.shapeOf(node.output[0]!, node),
    ...OPEN,
  };
}

/**
 * Movement, one step for every result, by its place among the node's. It is followed by moving numbers, for which all other
 * inputs have to be constants, and what Pad puts around zero. Null where they are not.
 */
export async function readMoves(
  state: ReadState,
  node: NodeProto,
): Promise<Map<string, Made> | null> {
  const input = state.known.get(node.input[0] ?? '');
  if (input === undefined || !MOVE_OPERATORS.has(node.opType)) return null;
  const others = node.input.slice(1).filter((name) => name !== '');
  if (others.some((name) => !state.index.initializer(name)) || padsOther(state, node)) return null;
  const from = state.tensors.get(input)!.shape;
  const made = new Map<string, Made>();
  for (const [i, output] of node.output.entries()) {
    if (output === '') continue;
    const source = await moveSource(state.model, state.index, node, from, i);
    const shape = state.shapeOf(output, node);
    const step = { ...stepOf(state, node, input), op: 'move' as const, dims: shape, source };
    made.set(output, { step, shape, ...OPEN });
  }
  return made;
}

/** True for a Pad with another value than zero. */
function padsOther(state: ReadState, node: NodeProto): boolean {
  if (node.opType !== 'Pad' || stringAttribute(node, 'mode', 'constant') !== 'constant')
    return false;
  const value = state.index.initializer(node.input[2] ?? '');
  return value !== undefined && floatData(value, state.model.dir)[0] !== 0;
}
