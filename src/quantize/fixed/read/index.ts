/** Reads a Q/DQ model with power-of-two scales as a program in fixed point. */
import { VernierError } from '../../../errors';
import { tensorData, tensorDims, tensorType, type Model, type NodeProto } from '../../../onnx';
import { VIEW_OPERATORS } from '../moves';
import type { FixedProgram, FixedTensor } from '../program';
import { enter, finish, leave, stayOnHost } from './formats';
import { readBias } from './products';
import { OPEN, ReadState } from './state';
import { readMoves, readStep, stepOf } from './steps';

/**
 * Reads a model. What computes in float becomes a host node; everything else integer steps. Shapes are those of one sample.
 * @param inputShapes shapes of inputs that the model leaves open
 * @throws VernierError `model.not-fixed-point` with the node, where a quantizer has a scale that is no power of two or a
 * zero point, or a shape is not known
 */
export async function readFixedProgram(
  model: Model,
  inputShapes: Record<string, number[]> = {},
): Promise<FixedProgram> {
  const state = new ReadState(model, inputShapes);
  for (const node of model.graph.node) await readNode(state, node);
  for (const { name } of model.graph.output) leave(state, name);
  if (state.steps.length === 0)
    throw new VernierError(
      'model.not-fixed-point',
      'The model has no layer between quantizers with power-of-two scales.',
      {
        ...(model.file ? { file: model.file } : {}),
        remedy: 'Quantize the float model with target: fpga-fixed.',
      },
    );
  const tensors = [...state.tensors.values()];
  const named = (role: FixedTensor['role']) =>
    tensors.filter((t) => t.role === role).map((t) => t.name);
  const { steps, host } = state;
  return { tensors, steps, host, inputs: named('input'), outputs: named('output') };
}

async function readNode(state: ReadState, node: NodeProto): Promise<void> {
  if (node.opType === 'QuantizeLinear') readQuantize(state, node);
  else if (node.opType === 'DequantizeLinear') readDequantize(state, node);
  else if (!readBehindSum(state, node)) {
    const moves = await readMoves(state, node);
    if (moves) {
      for (const [output, move] of moves) state.pending.set(output, { ...move, nodes: [node] });
      return;
    }
    const biased = readBias(state, node);
    const made = biased ?? (await readStep(state, node));
    const before = biased ? node.input.flatMap((name) => state.pending.get(name)?.nodes ?? []) : [];
    if (made) state.pending.set(node.output[0]!, { ...made, nodes: [...before, node] });
    else stayOnHost(state, node);
  }
}

/** A Relu, Clip or view behind a sum belongs to it. */
function readBehindSum(state: ReadState, node: NodeProto): boolean {
  const waiting = state.pending.get(node.input[0] ?? '');
  if (!waiting) return false;
  const bounds = state.boundsOf(node);
  const nodes = [...waiting.nodes, node];
  if (bounds)
    state.pending.set(node.output[0]!, {
      ...waiting,
      nodes,
      low: Math.min(Math.max(waiting.low, bounds.low), bounds.high),
      high: Math.max(Math.min(waiting.high, bounds.high), bounds.low),
    });
  else if (VIEW_OPERATORS.has(node.opType)) {
    const shape = state.shapeOf(node.output[0]!, node);
    state.pending.set(node.output[0]!, { ...waiting, nodes, shape });
  } else return false;
  return true;
}

function readQuantize(state: ReadState, node: NodeProto): void {
  const [source, codes] = [node.input[0]!, node.output[0]!];
  const { exponents } = state.scalesOf(node);
  if (exponents.length !== 1)
    throw state.refuse(node, 'quantizes an activation with one scale a channel');
  const fraction = -exponents[0]!;
  const waiting = state.pending.get(source);
  const known = state.known.get(source);
  if (waiting) finish(state, waiting, codes, source, fraction);
  else if (known === undefined) enter(state, codes, source, fraction, node);
  else {
    const { shape } = state.tensors.get(known)!;
    const step = { ...stepOf(state, node, known), op: 'requantize' as const };
    finish(state, { step, shape, ...OPEN }, codes, source, fraction);
  }
}

function readDequantize(state: ReadState, node: NodeProto): void {
  const [codes, value] = [node.input[0]!, node.output[0]!];
  const constant = state.index.initializer(codes);
  const { exponents, axis } = state.scalesOf(node);
  if (constant) {
    const type = tensorType(constant);
    if (type !== 'int8' && type !== 'int32')
      throw state.refuse(node, `dequantizes a constant of ${type}`);
    state.constants.set(value, {
      codes: tensorData(constant, state.model.dir) as Int8Array | Int32Array,
      dims: tensorDims(constant),
      exponents,
      axis,
    });
    return;
  }
  const tensor = state.tensors.get(codes);
  if (!tensor) throw state.refuse(node, 'dequantizes codes that no quantizer made');
  if (exponents.some((e) => -e !== tensor.format.fraction))
    throw state.refuse(node, 'dequantizes with another scale than its quantizer has');
  state.known.set(value, codes);
}
