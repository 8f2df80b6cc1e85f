import { toHalf } from '../../numeric';
import {
  elementTypeNumber,
  floatData,
  GraphIndex,
  intAttribute,
  label,
  makeInt,
  makeTensor,
  makeTensorAttribute,
  renamedTensor,
  setAttribute,
  tensorAttribute,
  tensorDims,
  tensorType,
  topologicalOrder,
  type Model,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../onnx';
import { halfBits } from './constants';
import { decide, type DecideOptions, type Decisions, type NodeDecision } from './decide';
import { isFixedInput, isFixedOutput } from './operators';
import type { Form, Scope } from './scope';

/** A node inside a body, and what became of it. */
export interface BodyDecision extends NodeDecision {
  node: string;
  op: string;
}

/** A model in float16, and what became of every node (by name), and of those inside bodies. */
export interface WrittenFloat16 {
  model: Model;
  nodes: Map<string, NodeDecision>;
  bodies: BodyDecision[];
}

const FLOAT16 = elementTypeNumber('float16');

/**
 * Writes a prepared float32 model in float16 (see {@link decide} for what stays float32):
 * 1. Constants become float16 where all their readers want them so; a constant that somebody wants in float32 stays
 *    float32 and is cast for the others.
 * 2. A value that somebody wants in the other form is cast once, in the graph that defines it.
 * 3. Existing Casts to float32 become Casts to float16, or go where they came from float16.
 * 4. Inputs and outputs keep their names; with `keepIo` their types too.
 * 5. Declared types are corrected. Functions, and whatever is not float32, stay as they are.
 */
export function convertToFloat16(prepared: Model, options: DecideOptions): WrittenFloat16 {
  const model = prepared.copy();
  const decisions = decide(model, options);
  const nodes = new Map<string, NodeDecision>();
  const bodies: BodyDecision[] = [];
  const outer = new Set(model.graph.node);
  for (const [node, decision] of decisions.nodes) {
    if (node.name !== '') nodes.set(node.name, decision);
    if (!outer.has(node)) bodies.push({ node: label(node), op: node.opType, ...decision });
  }
  // Outer graphs first: a body asks them for the names of what it reads.
  const idle: NodeProto[] = [];
  for (const scope of decisions.scopes.values())
    idle.push(...rewriteGraph(model, scope, decisions, options));
  for (const scope of decisions.scopes.values()) {
    scope.graph.node = topologicalOrder(scope.graph);
    correctTypes(scope, options);
  }
  tidy(model, idle);
  return { model, nodes, bodies };
}

/** Rewrites one graph; returns Casts that convert nothing any more. */
function rewriteGraph(
  model: Model,
  scope: Scope,
  { nodes }: Decisions,
  { keepIo }: DecideOptions,
): NodeProto[] {
  const { graph } = scope;
  const io: Form = scope.parent || keepIo ? 'float' : 'half';
  const before = [...graph.node];
  for (const v of graph.output) {
    if (!scope.isFloat(v.name)) continue;
    if (scope.native.has(v.name)) scope.fixOutput(v.name, io);
    else v.name = scope.read(v.name, io);
  }
  graph.initializer = graph.initializer.map((t) => rewriteConstant(model, scope, t));
  const idle: NodeProto[] = [];
  for (const node of before) {
    const decision = nodes.get(node);
    if (!decision) rewriteConstantNode(model, scope, node);
    else if (rewriteNode(scope, node, decision)) idle.push(node);
  }
  return idle;
}

function rewriteConstant(model: Model, scope: Scope, tensor: TensorProto): TensorProto {
  if (!scope.native.has(tensor.name)) return tensor;
  const name = scope.nativeName(tensor.name);
  if (scope.native.get(tensor.name) === 'float')
    return name === tensor.name ? tensor : renamedTensor(tensor, name);
  return halved(model, tensor, name);
}

function halved(model: Model, tensor: TensorProto, name: string): TensorProto {
  return model.parked(makeTensor(name, 'float16', tensorDims(tensor), halfBits(tensor, model.dir)));
}

/** A Constant inside a body. */
function rewriteConstantNode(model: Model, scope: Scope, node: NodeProto): void {
  const output = node.output[0] ?? '';
  if (!scope.native.has(output)) return;
  node.output[0] = scope.nativeName(output);
  const tensor = scope.constants.get(output);
  if (scope.native.get(output) === 'half' && tensor)
    node.attribute = [makeTensorAttribute('value', halved(model, tensor, ''))];
}

/** Rewrites one node; true for a Cast from float16 to float16. */
function rewriteNode(scope: Scope, node: NodeProto, { form }: NodeDecision): boolean {
  const isCast = node.opType === 'Cast';
  const first = node.input[0] ?? '';
  const reads = (name: string, slot: number): Form =>
    form === null ? scope.formOf(name) : formOf(form, isFixedInput(node, slot));
  const castsHalf = isCast && scope.isFloat(first) && reads(first, 0) === 'half';
  node.input = node.input.map((name, slot) =>
    scope.isFloat(name) ? scope.read(name, reads(name, slot)) : name,
  );
  const halves =
    form === 'half' &&
    node.output.some((name, slot) => scope.isFloat(name) && !isFixedOutput(node, slot));
  if (form !== null)
    node.output = node.output.map((name) => (scope.isFloat(name) ? scope.nativeName(name) : name));
  if (halves && isCast) setAttribute(node, makeInt('to', FLOAT16));
  if (halves && node.opType === 'ConstantOfShape') {
    const value = tensorAttribute(node, 'value');
    const filling = value && tensorType(value) === 'float32' ? (floatData(value)[0] ?? 0) : 0;
    const half = makeTensor('', 'float16', [1], Uint16Array.of(toHalf(filling)));
    setAttribute(node, makeTensorAttribute('value', half));
  }
  return castsHalf && !scope.parent && intAttribute(node, 'to', 0) === FLOAT16;
}

function formOf(form: Form, fixed: boolean): Form {
  return form === 'half' && !fixed ? 'half' : 'float';
}

/** Declared types after the change; names that are new have none. */
function correctTypes(scope: Scope, { keepIo }: DecideOptions): void {
  const { input, output, valueInfo } = scope.graph;
  const io = scope.parent || keepIo ? [] : [...input, ...output];
  for (const info of io) if (scope.isFloat(info.name)) declareHalf(info);
  for (const info of valueInfo) {
    const half = scope.native.get(info.name) === 'half';
    if (half && scope.nativeName(info.name) === info.name) declareHalf(info);
  }
}

function declareHalf(info: ValueInfoProto): void {
  if (info.type?.value.case === 'tensorType') info.type.value.value.elemType = FLOAT16;
}

/** Takes out Casts from float16 to float16 of the main graph, and what nobody reads any more. */
function tidy(model: Model, idle: readonly NodeProto[]): void {
  const index = new GraphIndex(model.graph);
  for (const node of idle) if (model.graph.node.includes(node)) index.bypass(node, node.input[0]!);
  index.dropDeadNodes();
  index.dropUnusedInitializers();
}
