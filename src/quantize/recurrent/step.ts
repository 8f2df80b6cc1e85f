import { writeActivation, type Activation } from './activations';
import type { DirectionWeights, RecurrentCell } from './cell';
import type { GateMatrix, Projection } from './projection';
import type { Scope } from './scope';

/**
 * What a step reads: results of the input projection [batch, …] by part, hidden state, and the LSTM's cell state. The
 * first part of a GRU that resets after it multiplies holds the hidden gate's recurrent bias, too.
 */
export interface StepState {
  parts: readonly string[];
  h: string;
  c: string | null;
}

/** Rows of a gate matrix [gates·hidden, width] as a matrix [width, outputs], outputs in the order of `gates`. */
export function gateMatrix(
  values: Float32Array,
  width: number,
  hidden: number,
  gates: readonly number[],
  name: string,
  side: GateMatrix['side'],
): GateMatrix {
  const outputs = gates.length * hidden;
  const out = new Float32Array(width * outputs);
  gates.forEach((gate, g) => {
    for (let j = 0; j < hidden; j++)
      for (let i = 0; i < width; i++)
        out[i * outputs + g * hidden + j] = values[(gate * hidden + j) * width + i]!;
  });
  return { name, side, inputs: width, outputs, values: out };
}

/** Gates that leave the input projection together, in ONNX's numbering; each is one `part` of a step. */
export function inputParts(cell: RecurrentCell): readonly (readonly number[])[] {
  return cell.op === 'LSTM' ? [[0, 1, 2, 3]] : cell.op === 'GRU' ? [[0, 1], [2]] : [[0]];
}

/** Bias of the input projection: all of it that is not multiplied before it is added. */
export function inputBias(cell: RecurrentCell, { wb, rb }: DirectionWeights): Float32Array | null {
  if (!wb || !rb) return null;
  const apart = cell.op === 'GRU' && cell.linearBeforeReset ? 2 * cell.hidden : Infinity;
  return wb.map((v, i) => (i >= apart ? v : v + rb[i]!));
}

/**
 * Writes one step of a cell (https://onnx.ai/onnx/operators/onnx__LSTM.html, GRU, RNN) and returns the new states.
 * Products go through `projection`, all other arithmetic is float.
 */
export function writeStep(
  scope: Scope,
  cell: RecurrentCell,
  direction: DirectionWeights,
  matrices: RecurrentMatrices,
  projection: Projection,
  state: StepState,
): { h: string; c: string | null } {
  const step: Step = { scope, cell, activations: direction.activations, matrices, projection };
  if (cell.op === 'LSTM') return lstm(step, state);
  return { h: cell.op === 'GRU' ? gru(step, state) : rnn(step, state), c: null };
}

/** The recurrent matrices of a direction, made once. */
export interface RecurrentMatrices {
  all: GateMatrix;
  /** For a GRU that resets before it multiplies: the hidden gate's own matrix; `all` holds the other two. */
  hidden: GateMatrix | null;
  /** For a GRU that resets after it: the hidden gate's recurrent bias. */
  hiddenBias: Float32Array | null;
}

export function recurrentMatrices(
  cell: RecurrentCell,
  { r, rb }: DirectionWeights,
  base: string,
): RecurrentMatrices {
  const { hidden, gates } = cell;
  const matrix = (which: readonly number[], what: string) =>
    gateMatrix(r, hidden, hidden, which, `${base}/${what}`, 'recurrent');
  if (cell.op !== 'GRU' || cell.linearBeforeReset) {
    const own = cell.op === 'GRU' && rb ? rb.slice(2 * hidden) : null;
    return {
      all: matrix(
        Array.from({ length: gates }, (_, i) => i),
        'R',
      ),
      hidden: null,
      hiddenBias: own,
    };
  }
  return { all: matrix([0, 1], 'R'), hidden: matrix([2], 'R_hidden'), hiddenBias: null };
}

interface Step {
  scope: Scope;
  cell: RecurrentCell;
  activations: readonly Activation[];
  matrices: RecurrentMatrices;
  projection: Projection;
}

function lstm(step: Step, { parts, h, c }: StepState): { h: string; c: string } {
  const { scope, cell, matrices, projection } = step;
  const { hidden } = cell;
  const [f, g, last] = step.activations as [Activation, Activation, Activation];
  const all = clipped(step, projection.step(scope, h, matrices.all, parts[0]!));
  const [gates, candidate] = scope.split(all, 1, [3 * hidden, hidden]) as [string, string];
  const three = scope.split(writeActivation(scope, f, gates), 1, [hidden, hidden, hidden]);
  const [input, output] = three as [string, string, string];
  const forget = cell.inputForget ? scope.node('Sub', [scope.scalar(1), input]) : three[2]!;
  const fresh = scope.node('Mul', [input, writeActivation(scope, g, candidate)]);
  const next = scope.node('Add', [scope.node('Mul', [forget, c!]), fresh]);
  const shown = writeActivation(scope, last, next);
  return { h: scope.node('Mul', [output, shown]), c: next };
}

function gru(step: Step, { parts, h }: StepState): string {
  const { scope, cell, matrices, projection } = step;
  const { hidden } = cell;
  const [f, g] = step.activations as [Activation, Activation];
  const gate = (x: string) => writeActivation(scope, f, clipped(step, x));
  const sums = projection.step(scope, h, matrices.all, parts[0]!);
  let z: string;
  let candidate: string;
  if (cell.linearBeforeReset) {
    const three = scope.split(sums, 1, [hidden, hidden, hidden]) as [string, string, string];
    z = gate(three[0]);
    const own = scope.node('Mul', [gate(three[1]), three[2]]);
    candidate = scope.node('Sum', [parts[1]!, own]);
  } else {
    const two = scope.split(gate(sums), 1, [hidden, hidden]) as [string, string];
    z = two[0];
    const reset = scope.node('Mul', [two[1], h]);
    candidate = projection.step(scope, reset, matrices.hidden!, parts[1]!);
  }
  const n = writeActivation(scope, g, clipped(step, candidate));
  // (1 − z)·n + z·h with one product less
  return scope.node('Add', [n, scope.node('Mul', [z, scope.node('Sub', [h, n])])]);
}

function rnn(step: Step, { parts, h }: StepState): string {
  const { scope, matrices, projection } = step;
  const sum = projection.step(scope, h, matrices.all, parts[0]!);
  return writeActivation(scope, step.activations[0]!, clipped(step, sum));
}

/** Bounds what enters an activation. */
function clipped({ scope, cell: { clip } }: Step, x: string): string {
  if (!Number.isFinite(clip)) return x;
  return scope.node('Clip', [x, scope.scalar(-clip), scope.scalar(clip)]);
}
