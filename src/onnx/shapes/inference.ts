/** Walks graphs in topological order and applies the rules. */
import { clone } from '@bufbuild/protobuf';
import { AttributeProtoSchema, type FunctionProto } from '../gen/onnx_pb';
import { isControlFlow } from '../bodies';
import { isDefaultDomain, type Model } from '../model';
import { topologicalOrder } from '../order';
import { makeNode, valueType, type GraphProto, type NodeProto } from '../schema';
import { tensorDims, tensorType } from '../tensor';
import { controlFlow, type InferBody } from './control';
import { smallData } from './data';
import { ruleOf } from './rules';
import {
  RuleNode,
  UNKNOWN,
  value,
  type Dim,
  type ScopedShapes,
  type TensorInfo,
  type Value,
} from './types';

/** Functions may call functions, but a model that calls without end is no model. */
const MAX_DEPTH = 16;

/** Tensors that a graph sees: its own, then those of the graphs around it. */
class Scope {
  readonly values = new Map<string, Value>();

  constructor(
    private readonly outer: Scope | null,
    readonly depth: number,
  ) {}

  get(name: string): Value {
    return this.values.get(name) ?? this.outer?.get(name) ?? UNKNOWN;
  }
}

/** One inference over a model; used once. */
export class Inference {
  private readonly all: ScopedShapes = new Map();
  private readonly symbols = new Map<string, number>();
  private readonly functions = new Map<string, FunctionProto>();
  /** False where an input was given a size that the file contradicts: what it says of other tensors may be wrong too. */
  private trustDeclared = true;

  constructor(
    private readonly model: Model,
    private readonly inputShapes: Readonly<Record<string, readonly number[]>>,
  ) {
    for (const f of model.proto.functions) this.functions.set(`${f.domain}:${f.name}`, f);
  }

  run(): ScopedShapes {
    const { graph } = this.model;
    for (const input of graph.input) this.bindSymbols(input.name, valueType(input).shape);
    const inputs = graph.input.map((input) => {
      const given = this.shapeGiven(input.name);
      return given ? value(valueType(input).type, [...given]) : UNKNOWN;
    });
    this.graph(graph, inputs, null);
    return this.all;
  }

  private shapeGiven(name: string): readonly number[] | undefined {
    return Object.hasOwn(this.inputShapes, name) ? this.inputShapes[name] : undefined;
  }

  private bindSymbols(name: string, declared: Dim[] | null): void {
    const given = this.shapeGiven(name);
    if (!given || !declared) return;
    if (given.length !== declared.length) this.trustDeclared = false;
    for (const [i, d] of declared.entries()) {
      const size = given[i];
      if (typeof d === 'string' && d !== '' && size !== undefined) this.symbols.set(d, size);
      if (typeof d === 'number' && d !== size) this.trustDeclared = false;
    }
  }

  /** Infers one graph; inputs that are unknown have what the graph declares. Returns its outputs. */
  private graph(graph: GraphProto, inputs: readonly Value[], outer: Scope | null): Value[] {
    const scope = new Scope(outer, (outer?.depth ?? 0) + 1);
    const declared = new Map<string, TensorInfo>();
    for (const list of [graph.valueInfo, graph.output])
      for (const v of list) if (v.type) declared.set(v.name, this.declared(valueType(v)));
    for (const [i, v] of graph.input.entries()) {
      const known = inputs[i] ?? UNKNOWN;
      const said = this.declared(valueType(v));
      scope.values.set(v.name, known.shape ? merged(known, said, true) : { ...said, data: null });
    }
    for (const t of graph.initializer)
      scope.values.set(t.name, value(tensorType(t), tensorDims(t), smallData(t, this.model.dir)));
    for (const t of graph.sparseInitializer)
      if (t.values)
        scope.values.set(t.values.name, value(tensorType(t.values), t.dims.map(Number)));
    this.nodes(orderOf(graph), scope, this.model.opset, (name) => declared.get(name));
    this.all.set(
      graph,
      new Map([...scope.values].map(([k, { type, shape }]) => [k, { type, shape }])),
    );
    return graph.output.map((v) => scope.get(v.name));
  }

  private nodes(
    nodes: readonly NodeProto[],
    scope: Scope,
    opset: number,
    declared: (name: string) => TensorInfo | undefined,
  ): void {
    const body: InferBody = (graph, inputs) => this.graph(graph, inputs, scope);
    for (const node of nodes) {
      const inputs = node.input.map((name) => (name === '' ? UNKNOWN : scope.get(name)));
      const outputs = this.node(new RuleNode(node, opset, inputs), scope, body);
      for (const [i, name] of node.output.entries()) {
        if (name === '') continue;
        const found = sane(outputs[i] ?? UNKNOWN);
        const said = declared(name);
        scope.values.set(name, said ? merged(found, said, this.trustDeclared) : found);
      }
    }
  }

  private node(n: RuleNode, scope: Scope, body: InferBody): (Value | undefined)[] {
    try {
      if (isControlFlow(n.node)) return controlFlow(n, body);
      const rule = ruleOf(n.node);
      if (rule) return rule(n);
      const f = this.functions.get(`${n.node.domain}:${n.node.opType}`);
      return f && scope.depth < MAX_DEPTH ? this.call(f, n, scope) : [];
    } catch {
      return []; // a malformed node; loading it says what is wrong
    }
  }

  private call(f: FunctionProto, n: RuleNode, outer: Scope): Value[] {
    const scope = new Scope(null, outer.depth + 1);
    for (const [i, name] of f.input.entries()) scope.values.set(name, n.input(i));
    const own = f.opsetImport.find((o) => isDefaultDomain(o.domain));
    const nodes = f.node.map((node) => withArguments(node, n.node, f));
    this.nodes(nodes, scope, own ? Number(own.version) : n.opset, () => undefined);
    return f.output.map((name) => scope.get(name));
  }

  /** A declared type with symbols that have a size replaced, and what is no name or size made unknown. */
  private declared({ type, shape }: TensorInfo): TensorInfo {
    const clean = (d: Dim): Dim => {
      if (typeof d === 'number') return d >= 0 ? d : null;
      if (d === null || d === '' || d === '?') return null;
      return this.symbols.get(d) ?? d;
    };
    return { type, shape: shape && shape.map(clean) };
  }
}

/** A node of a function's body with the attributes that its call gives. */
function withArguments(node: NodeProto, call: NodeProto, f: FunctionProto): NodeProto {
  if (!node.attribute.some((a) => a.refAttrName !== '')) return node;
  const attributes = node.attribute.flatMap((a) => {
    if (a.refAttrName === '') return [a];
    const given = [...call.attribute, ...f.attributeProto].find((x) => x.name === a.refAttrName);
    if (!given) return [];
    const argument = clone(AttributeProtoSchema, given);
    argument.name = a.name;
    return [argument];
  });
  const { opType, domain, name } = node;
  return makeNode({ opType, domain, name, inputs: node.input, outputs: node.output, attributes });
}

/** A cycle or a doubled name is not for inference to report: then the file's own order has to do. */
function orderOf(graph: GraphProto): NodeProto[] {
  try {
    return topologicalOrder(graph);
  } catch {
    return graph.node;
  }
}

/** Sizes that cannot be make the dimension unknown. */
function sane(v: Value): Value {
  if (!v.shape?.some((d) => typeof d === 'number' && !(Number.isSafeInteger(d) && d >= 0)))
    return v;
  const shape = v.shape.map((d) =>
    typeof d === 'number' && !(Number.isSafeInteger(d) && d >= 0) ? null : d,
  );
  return { ...v, shape };
}

/** What inference found, completed by what the file declares: a size beats a symbol, a symbol beats nothing. */
function merged(found: Value, said: TensorInfo, trust: boolean): Value {
  const type = found.type === 'undefined' ? said.type : found.type;
  if (!said.shape || !trust) return { ...found, type };
  if (!found.shape) return { ...found, type, shape: said.shape };
  if (found.shape.length !== said.shape.length) return { ...found, type };
  const shape = found.shape.map((d, i): Dim => {
    const other = said.shape![i]!;
    if (typeof d === 'number') return d;
    return typeof other === 'number' ? other : (d ?? other);
  });
  return { ...found, type, shape };
}
