import { inferGraphs } from '../../onnx/shapes';
import {
  attribute,
  isDefaultDomain,
  label,
  makeTensor,
  subgraphs,
  tensorAttribute,
  tensorType,
  topologicalOrder,
  type GraphProto,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { holdsGraphs, isFixedInput, isFixedOutput, movesValues, whyFloat32Only } from './operators';
import { whyConstantFloat } from './constants';
import { because, type FloatReason } from './reasons';
import { FreshNames, Scope, type Form } from './scope';

/** What becomes of one node. `form` is what it computes in; null where it has no float tensors. */
export interface NodeDecision {
  form: Form | null;
  reason: FloatReason | null;
}

export interface DecideOptions {
  /** Nodes that stay float32, by name; those of bodies have names of their own in a prepared model. */
  keep?: ReadonlyMap<string, FloatReason>;
  /** Tensors of the main graph that do not fit into float16: all that write or read them stays float32. */
  wide?: ReadonlyMap<string, FloatReason>;
  /** Tensors of the main graph whose values calibration saw: of these only `wide` tells. */
  measured?: { has(tensor: string): boolean };
  /** Inputs and outputs of the model stay float32. */
  keepIo: boolean;
  /** The file is meant for onnxruntime's CUDA provider. */
  cuda?: boolean;
}

/** Decisions by node (of the given model's own messages), and the scopes to rewrite its graphs with. */
export interface Decisions {
  nodes: Map<NodeProto, NodeDecision>;
  scopes: Map<GraphProto, Scope>;
  main: Scope;
}

/** Operators that say something of a value's form, not of the value: they read whatever is there. */
const INDIFFERENT = new Set(['Cast', 'Shape', 'Size']);

/** Operators through which a value that does not fit comes out, more or less, as it went in. */
const CARRIES = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where', 'Max', 'Min', 'Sum', 'Neg', 'Abs']);

/**
 * Decides for every node of a model, bodies of If, Loop and Scan included, whether it computes in float16:
 * 1. What is kept, what ONNX or the runtime has in float32 alone, and what touches a tensor or constant that does not
 *    fit stays float32. Where nothing was measured, such a constant is followed through additions, products and
 *    choices: a mask of −1e9 keeps float32 what adds it and the Softmax that reads the sum.
 * 2. Arithmetic on shapes stays float32: sizes above 2048 are no float16 numbers.
 * 3. What moves values follows them, so that no Cast is spent on a Reshape.
 * 4. All else that reads or writes float32 becomes float16.
 * What goes into a body and comes out stays float32: what a loop carries is not rounded at each turn. Tensors of other
 * types (float64, integers) are not touched.
 */
export function decide(model: Model, options: DecideOptions): Decisions {
  const walk = new Walk(model, options);
  const main = walk.graph(model.graph, null);
  return { nodes: walk.nodes, scopes: walk.scopes, main };
}

class Walk {
  readonly nodes = new Map<NodeProto, NodeDecision>();
  readonly scopes = new Map<GraphProto, Scope>();
  private readonly shapes;
  private readonly fresh;
  private readonly constantReasons = new Map<TensorProto, FloatReason | null>();

  constructor(
    private readonly model: Model,
    private readonly options: DecideOptions,
  ) {
    this.shapes = inferGraphs(model);
    this.fresh = new FreshNames(model.graph);
  }

  graph(graph: GraphProto, parent: Scope | null): Scope {
    const scope = new Scope(graph, parent, this.shapes, this.fresh);
    this.scopes.set(graph, scope);
    const io: Form = parent || this.options.keepIo ? 'float' : 'half';
    for (const v of graph.input) if (scope.isFloat(v.name)) scope.native.set(v.name, io);
    for (const t of graph.initializer) constant(scope, t.name, t);
    if (!parent) for (const [name, why] of this.options.wide ?? []) scope.wide.set(name, why);
    for (const node of topologicalOrder(graph)) this.node(node, scope);
    for (const v of graph.output) if (scope.isFloat(v.name)) scope.want(v.name, io);
    this.settleConstants(scope);
    return scope;
  }

  private node(node: NodeProto, scope: Scope): void {
    if (node.opType === 'Constant' && isDefaultDomain(node.domain)) {
      for (const o of node.output) constant(scope, o, constantTensor(node));
      return;
    }
    const decision = this.decide(node, scope);
    this.nodes.set(node, decision);
    const { form, reason } = decision;
    if (reason) this.carry(node, scope, reason);
    for (const [i, name] of node.output.entries())
      if (scope.isFloat(name))
        scope.native.set(name, form === 'half' && !isFixedOutput(node, i) ? 'half' : 'float');
    for (const [i, name] of node.input.entries())
      if (scope.isFloat(name) && form)
        scope.want(name, form === 'half' && !isFixedInput(node, i) ? 'half' : 'float');
    // After the outputs: a body never reads what its own node writes.
    for (const body of subgraphs(node)) this.graph(body, scope);
    // Float16 that the model has already is taken as it is.
    const [input = '', output = ''] = [node.input[0], node.output[0]];
    const taken = scope.graph.output.some((v) => v.name === output);
    if (isCast(node) && scope.typeOf(input) === 'float16' && scope.isFloat(output) && !taken) {
      scope.native.set(output, 'half');
      scope.setName(output, 'half', input);
      scope.setName(output, 'float', output);
      this.nodes.set(node, { form: null, reason: null });
    }
  }

  private decide(node: NodeProto, scope: Scope): NodeDecision {
    const reads = node.input.filter((name) => scope.isFloat(name));
    const writes = node.output.filter((name) => scope.isFloat(name));
    const fromShapes = this.followShapes(node, scope);
    if (holdsGraphs(node) || subgraphs(node).length > 0)
      return {
        form: 'float',
        reason: because('body', `what goes in and out of a ${node.opType} is not rounded`),
      };
    if (reads.length + writes.length === 0) return { form: null, reason: null };
    const stays = this.whyFloat(node, scope, [...reads, ...writes]);
    if (stays) return { form: 'float', reason: stays };
    if (fromShapes)
      return {
        form: 'float',
        reason: because('shape', 'it computes with sizes, which may be no float16 numbers'),
      };
    const values = reads.filter((name) => !scope.isConstant(name));
    const follows = writes.length === 0 || movesValues(node);
    if (writes.length === 0 && INDIFFERENT.has(node.opType)) return { form: null, reason: null };
    if (follows && values.length > 0 && values.every((name) => scope.formOf(name) === 'float'))
      return { form: 'float', reason: because('moves-float', 'what it reads is float32') };
    return { form: 'half', reason: null };
  }

  private whyFloat(node: NodeProto, scope: Scope, tensors: readonly string[]): FloatReason | null {
    const kept = node.name === '' ? undefined : this.options.keep?.get(node.name);
    if (kept) return kept;
    const why = whyFloat32Only(node, this.model.opset, this.options.cuda ?? false);
    if (why !== null) return because('operator', why);
    for (const name of tensors) {
      const wide = scope.whyWide(name) ?? this.whyConstant(node, name, scope.constant(name));
      if (wide) return wide;
    }
    const filling = node.opType === 'ConstantOfShape' ? tensorAttribute(node, 'value') : undefined;
    if (filling && tensorType(filling) === 'float32') {
      const wide = whyConstantFloat(filling, null, label(node));
      if (wide) return wide;
    }
    const unknown = [...node.input, ...node.output].find(
      (name) => name !== '' && scope.typeOf(name) === 'undefined',
    );
    if (unknown !== undefined)
      return because('unknown-type', `the type of '${unknown}' is not known`);
    return null;
  }

  private whyConstant(
    node: NodeProto,
    name: string,
    tensor: TensorProto | null | undefined,
  ): FloatReason | null {
    // Bounds that no float16 reaches bound nothing.
    if (!tensor || node.opType === 'Clip') return null;
    let why = this.constantReasons.get(tensor);
    if (why === undefined) {
      why = whyConstantFloat(tensor, this.model.dir, name);
      this.constantReasons.set(tensor, why);
    }
    return why;
  }

  /** Remembers results that do not fit because a constant does not. */
  private carry(node: NodeProto, scope: Scope, reason: FloatReason): void {
    const { code } = reason;
    const vanishes = code === 'weight-vanishes' && node.input.some((n) => scope.isConstant(n));
    if (code !== 'weight-range' && !vanishes) return;
    if (!CARRIES.has(node.opType) && !movesValues(node) && node.opType !== 'ConstantOfShape')
      return;
    for (const output of node.output) {
      const measured = !scope.parent && (this.options.measured?.has(output) ?? false);
      if (vanishes || !measured) scope.wide.set(output, reason);
    }
  }

  /** True where a node computes with shapes and constants alone; its results are remembered. */
  private followShapes(node: NodeProto, scope: Scope): boolean {
    const starts = node.opType === 'Shape' || node.opType === 'Size';
    const reads = node.input.filter((name) => name !== '');
    const follows =
      reads.some((name) => scope.isFromShapes(name)) &&
      reads.every((name) => scope.isFromShapes(name) || scope.isConstant(name)) &&
      subgraphs(node).length === 0;
    if (starts || follows) for (const o of node.output) scope.fromShapes.add(o);
    return follows;
  }

  /** A constant is written in the form that all its readers want; where they differ, in float32. */
  private settleConstants(scope: Scope): void {
    for (const name of scope.constants.keys()) {
      const wants = scope.wants.get(name);
      if (scope.native.has(name) && wants?.size === 1 && wants.has('half'))
        scope.native.set(name, 'half');
    }
  }
}

/** The form of a constant is settled by its readers. */
function constant(scope: Scope, name: string, tensor: TensorProto | null): void {
  const isFloat = scope.isFloat(name);
  scope.constants.set(name, isFloat ? tensor : null);
  if (isFloat) scope.native.set(name, 'float');
}

/** What a Constant node holds. */
function constantTensor(node: NodeProto): TensorProto | null {
  const tensor = tensorAttribute(node, 'value');
  const single = attribute(node, 'value_float');
  const list = attribute(node, 'value_floats');
  if (tensor) return tensor;
  if (single) return makeTensor('', 'float32', [], Float32Array.of(single.f));
  if (list) return makeTensor('', 'float32', [list.floats.length], Float32Array.from(list.floats));
  return null;
}

function isCast(node: NodeProto): boolean {
  return node.opType === 'Cast' && isDefaultDomain(node.domain);
}
