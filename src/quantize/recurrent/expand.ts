import { create } from '@bufbuild/protobuf';
import {
  AttributeType,
  DataType,
  makeInt,
  makeInts,
  makeTensor,
  makeTensorAttribute,
  makeValueInfo,
  type GraphIndex,
} from '../../onnx';
import { AttributeProtoSchema, GraphProtoSchema } from '../../onnx/gen/onnx_pb';
import type { DirectionWeights, RecurrentCell } from './cell';
import type { Projection } from './projection';
import { apartName, Scope } from './scope';
import {
  gateMatrix,
  inputBias,
  inputParts,
  recurrentMatrices,
  writeStep,
  type RecurrentMatrices,
} from './step';

/** Sizes of a recurrent layer's input, where the model fixes them. */
export interface SequenceSizes {
  steps: number | null;
  batch: number | null;
}

/**
 * Takes a recurrent node apart: in its place come, for every direction,
 * 1. one product of the whole sequence with the input weights, biases in it;
 * 2. a Scan whose body is one step of the cell (or that step itself, where the sequence has just one), with the
 *    recurrent product and the cell's float arithmetic;
 * 3. what brings states and results into the operator's own shapes. Results keep their names.
 * With sequence lengths a step beyond a sequence's end leaves its states as they are and gives zeros; a sequence without
 * any step ends in zeros, as in the runtime.
 * Names of new nodes and constants begin with {@link apartName}. Nodes stand at the end of the graph and some may be read by
 * nobody: bring it into order, and drop what is dead, afterwards.
 */
export function expandCell(
  index: GraphIndex,
  cell: RecurrentCell,
  projection: Projection,
  sizes: SequenceSizes,
): void {
  const { node } = cell;
  const outputs = [0, 1, 2].map((i) => node.output[i] ?? '');
  const scope = new Scope(index, apartName(node.name));
  const { x } = cell;
  const batch = batchSize(scope, x, sizes);
  const lengths = cell.sequenceLens === '' ? null : lengthMasks(scope, x, cell.sequenceLens);
  const initial = [
    states(scope, cell, cell.initialH, batch),
    cell.op === 'LSTM' ? states(scope, cell, cell.initialC, batch) : null,
  ] as const;
  const results = cell.directions.map((direction, d) =>
    writeDirection(scope, cell, direction, projection, x, sizes, lengths?.active ?? null, {
      h: initial[0][d]!,
      c: initial[1]?.[d] ?? null,
    }),
  );
  const write = (slot: number, axis: number, parts: (result: DirectionResult) => string) => {
    if (outputs[slot]) join(scope, results.map(parts), axis, outputs[slot]);
  };
  const last = (state: string) =>
    lengths ? scope.node('Where', [lengths.some, state, scope.scalar(0)]) : state;
  write(0, 1, (r) => r.y);
  write(1, 0, (r) => last(r.h));
  write(2, 0, (r) => last(r.c!));
  index.removeNode(node);
  for (const fresh of scope.nodes) index.insertNode(fresh);
}

/** What one direction leaves: all hidden states [time, batch, hidden], and the last states [batch, hidden]. */
interface DirectionResult {
  y: string;
  h: string;
  c: string | null;
}

interface State {
  h: string;
  c: string | null;
}

function writeDirection(
  scope: Scope,
  cell: RecurrentCell,
  direction: DirectionWeights,
  projection: Projection,
  x: string,
  { steps }: SequenceSizes,
  mask: string | null,
  initial: State,
): DirectionResult {
  const base = `${scope.base}/${direction.reverse ? 'reverse' : 'forward'}`;
  const gates = Array.from({ length: cell.gates }, (_, i) => i);
  const w = gateMatrix(direction.w, cell.inputs, cell.hidden, gates, `${base}/W`, 'input');
  const product = projection.sequence(scope, x, w, inputBias(cell, direction));
  const matrices = recurrentMatrices(cell, direction, base);
  const wide = writeParts(scope, cell, matrices, product);
  const parts = projection.takesRows ? wide.map((part) => scope.squeeze(part, 1)) : wide;
  const step = (inside: Scope, slices: readonly string[], state: State, active: string | null) =>
    maskedStep(inside, cell, direction, matrices, projection, slices, state, active);

  if (steps === 1) {
    const slices = parts.map((part) => scope.squeeze(part, 0));
    const active = mask && scope.squeeze(mask, 0);
    const { h, c, y } = step(scope, slices, initial, active);
    return { y: scope.unsqueeze(y, 0), h, c };
  }

  const body = scope.inner();
  const names = {
    h: body.name('h_before'),
    c: initial.c && body.name('c_before'),
    parts: parts.map((_, i) => body.name(`x_${i}`)),
    active: mask && body.name('active'),
  };
  const next = step(body, names.parts, { h: names.h, c: names.c }, names.active);
  const y = body.node('Identity', [next.y], [], body.name('y'));
  const graph = create(GraphProtoSchema, {
    name: `${base}/step`,
    node: body.nodes,
    input: [
      ...[names.h, names.c].flatMap((n) => (n ? [makeValueInfo(n, 'float32', null)] : [])),
      ...names.parts.map((n) => makeValueInfo(n, 'float32', null)),
      ...(names.active ? [makeValueInfo(names.active, 'bool', null)] : []),
    ],
    output: [next.h, next.c, y].flatMap((n) => (n ? [makeValueInfo(n, 'float32', null)] : [])),
  });
  const scanned = [...parts, ...(mask ? [mask] : [])];
  const carried = [initial.h, initial.c].flatMap((n) => n ?? []);
  const attributes = [
    create(AttributeProtoSchema, { name: 'body', type: AttributeType.GRAPH, g: graph }),
    makeInt('num_scan_inputs', scanned.length),
  ];
  if (direction.reverse)
    attributes.push(
      makeInts(
        'scan_input_directions',
        scanned.map(() => 1),
      ),
      makeInts('scan_output_directions', [1]),
    );
  const out = scope.nodeOf('Scan', [...carried, ...scanned], carried.length + 1, attributes);
  return { h: out[0]!, c: initial.c ? out[1]! : null, y: out.at(-1)! };
}

/** Cuts the input projection [time, batch, gates·hidden] into what a step reads of it. */
function writeParts(
  scope: Scope,
  cell: RecurrentCell,
  matrices: RecurrentMatrices,
  product: string,
): string[] {
  const { hidden } = cell;
  const parts = scope.split(
    product,
    2,
    inputParts(cell).map((part) => part.length * hidden),
  );
  if (cell.op !== 'GRU' || !cell.linearBeforeReset) return parts;
  const [gates, own] = parts as [string, string];
  const bias = matrices.hiddenBias ?? new Float32Array(hidden);
  const row = scope.floats('recurrent_bias', [1, 1, hidden], bias);
  const every = scope.node('Expand', [row, scope.node('Shape', [own])]);
  return [scope.node('Concat', [gates, every], [makeInt('axis', 2)]), own];
}

/** A step that leaves sequences alone which have ended: `active` [batch, 1] is false for them. */
function maskedStep(
  scope: Scope,
  cell: RecurrentCell,
  direction: DirectionWeights,
  matrices: RecurrentMatrices,
  projection: Projection,
  parts: readonly string[],
  state: State,
  active: string | null,
): DirectionResult {
  const { h, c } = writeStep(scope, cell, direction, matrices, projection, { ...state, parts });
  if (!active) return { h, c, y: h };
  const keep = (fresh: string, old: string) => scope.node('Where', [active, fresh, old]);
  return {
    h: keep(h, state.h),
    c: c && keep(c, state.c!),
    y: keep(h, scope.scalar(0)),
  };
}

/** The batch size as a constant or a computed int64 [1]. */
function batchSize(scope: Scope, x: string, { batch }: SequenceSizes): number | string {
  if (batch !== null) return batch;
  const shape = scope.node('Shape', [x]);
  return scope.node('Slice', [shape, scope.ints([1]), scope.ints([2])]);
}

/** Initial states [batch, hidden] of every direction. */
function states(
  scope: Scope,
  cell: RecurrentCell,
  given: string,
  batch: number | string,
): string[] {
  const { hidden, directions } = cell;
  if (given !== '') {
    const parts = scope.split(
      given,
      0,
      directions.map(() => 1),
    );
    return parts.map((part) => scope.squeeze(part, 0));
  }
  let zeros: string;
  if (typeof batch === 'number')
    zeros = scope.floats('zeros', [batch, hidden], new Float32Array(batch * hidden));
  else {
    const shape = scope.node('Concat', [batch, scope.ints([hidden])], [makeInt('axis', 0)]);
    const value = makeTensor('', 'float32', [1], Float32Array.of(0));
    zeros = scope.node('ConstantOfShape', [shape], [makeTensorAttribute('value', value)]);
  }
  return directions.map(() => zeros);
}

/** `active` [time, batch, 1]: a step still belongs to its sequence; `some` [batch, 1]: the sequence has a step at all. */
function lengthMasks(scope: Scope, x: string, lens: string): { active: string; some: string } {
  const shape = scope.node('Shape', [x]);
  const steps = scope.squeeze(scope.node('Slice', [shape, scope.ints([0]), scope.ints([1])]), 0);
  const [zero, one] = [scope.int(0), scope.int(1)];
  const times = scope.node('Range', [zero, steps, one]);
  const wide = scope.unsqueeze(scope.node('Cast', [lens], [makeInt('to', DataType.INT64)]), 1);
  return {
    active: scope.node('Less', [scope.node('Unsqueeze', [times, scope.ints([1, 2])]), wide]),
    some: scope.node('Less', [zero, wide]),
  };
}

/** Puts a new axis, that of the directions, into each part and joins them along it. */
function join(scope: Scope, parts: string[], axis: number, output: string): string {
  if (parts.length === 1) return scope.unsqueeze(parts[0]!, axis, output);
  const wide = parts.map((part) => scope.unsqueeze(part, axis));
  return scope.node('Concat', wide, [makeInt('axis', axis)], output);
}
