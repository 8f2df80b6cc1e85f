import {
  allNodes,
  elementTypeNumber,
  makeInt,
  makeNode,
  subgraphs,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { ScopedShapes, TensorInfo } from '../../onnx/shapes';
import type { FloatReason } from './reasons';

/** The two forms in which a float tensor can be had. */
export type Form = 'half' | 'float';

/** Element types of the forms. */
export const FORM_TYPE = { half: 'float16', float: 'float32' } as const;

/** Names that no tensor or node of a model has, in any of its graphs: bodies see the names around them. */
export class FreshNames {
  private readonly taken = new Set<string>();

  constructor(graph: GraphProto) {
    this.take(graph);
    for (const node of allNodes(graph)) for (const body of subgraphs(node)) this.take(body);
  }

  make(base: string): string {
    let name = base;
    for (let i = 1; this.taken.has(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }

  private take(graph: GraphProto): void {
    for (const list of [graph.input, graph.output, graph.initializer, graph.valueInfo])
      for (const v of list) this.taken.add(v.name);
    for (const node of graph.node)
      for (const name of [node.name, ...node.output]) this.taken.add(name);
  }
}

/**
 * One graph of a model with the float tensors that it defines. Each has a native form, the one in which it is written,
 * and gets the other by a Cast in the graph that defines it, once, however many bodies read it.
 */
export class Scope {
  /** Native form of each float32 tensor (as the model says its type) that this graph defines. */
  readonly native = new Map<string, Form>();
  /** Forms that readers of constants want. */
  readonly wants = new Map<string, Set<Form>>();
  /** Tensors computed from shapes and constants alone. */
  readonly fromShapes = new Set<string>();
  /** What initializers and Constant nodes hold; null where that is no tensor. */
  readonly constants = new Map<string, TensorProto | null>();
  /** Tensors that do not fit into float16. */
  readonly wide = new Map<string, FloatReason>();
  private readonly names = new Map<string, Partial<Record<Form, string>>>();
  private readonly types: ReadonlyMap<string, TensorInfo>;

  constructor(
    readonly graph: GraphProto,
    readonly parent: Scope | null,
    shapes: ScopedShapes,
    private readonly fresh: FreshNames,
  ) {
    this.types = shapes.get(graph) ?? new Map<string, TensorInfo>();
  }

  /** Element type of a tensor that this graph sees; `undefined` where nothing tells. */
  typeOf(name: string): TensorInfo['type'] {
    const own = this.types.get(name);
    return own ? own.type : (this.parent?.typeOf(name) ?? 'undefined');
  }

  isFloat(name: string): boolean {
    return name !== '' && this.typeOf(name) === 'float32';
  }

  /** The graph that defines a float tensor: this one or one around it. */
  definer(name: string): Scope | null {
    return this.native.has(name) ? this : (this.parent?.definer(name) ?? null);
  }

  /** Native form of a float tensor that this graph sees. */
  formOf(name: string): Form {
    return this.definer(name)?.native.get(name) ?? 'float';
  }

  isConstant(name: string): boolean {
    return this.constant(name) !== undefined;
  }

  /** The constant of that name that this graph sees: null where its value is no tensor, undefined where there is none. */
  constant(name: string): TensorProto | null | undefined {
    const own = this.constants.get(name);
    return own === undefined ? this.parent?.constant(name) : own;
  }

  /** Why a tensor that this graph sees does not fit into float16. */
  whyWide(name: string): FloatReason | undefined {
    return this.wide.get(name) ?? this.parent?.whyWide(name);
  }

  isFromShapes(name: string): boolean {
    return this.fromShapes.has(name) || (this.parent?.isFromShapes(name) ?? false);
  }

  /** Remembers that somebody reads a tensor in a form. */
  want(name: string, form: Form): void {
    const definer = this.definer(name);
    if (!definer) return;
    const known = definer.wants.get(name);
    if (known) known.add(form);
    else definer.wants.set(name, new Set([form]));
  }

  /** Says under which name a form of a tensor of this graph is to be had. */
  setName(name: string, form: Form, as: string): void {
    this.names.set(name, { ...this.names.get(name), [form]: as });
  }

  hasName(name: string, form: Form): boolean {
    return this.names.get(name)?.[form] !== undefined;
  }

  /** Name under which a node writes a tensor of this graph. */
  nativeName(name: string): string {
    return this.names.get(name)?.[this.native.get(name) ?? 'float'] ?? name;
  }

  /** Name of a float tensor in a form; makes the Cast where the tensor is defined. */
  read(name: string, form: Form): string {
    const definer = this.definer(name);
    if (!definer) return name;
    return definer.names.get(name)?.[form] ?? definer.cast(name, form);
  }

  private cast(name: string, form: Form): string {
    const from = this.nativeName(name);
    if (this.native.get(name) === form) return from;
    const to = this.fresh.make(`${name}_${FORM_TYPE[form]}`);
    this.addCast(from, to, form);
    this.setName(name, form, to);
    return to;
  }

  /**
   * Makes this graph's output `name` have a form, and keep its name: where the tensor is natively the other, its native
   * form moves to another name and a Cast writes the output.
   */
  fixOutput(name: string, form: Form): void {
    if (this.native.get(name) === form || this.hasName(name, form)) return;
    const inner = this.fresh.make(`${name}_${FORM_TYPE[this.native.get(name)!]}`);
    this.names.set(name, { [this.native.get(name)!]: inner, [form]: name });
    this.addCast(inner, name, form);
  }

  private addCast(from: string, to: string, form: Form): void {
    this.graph.node.push(makeCast(this.fresh.make(`${from}/Cast`), from, to, form));
  }
}

function makeCast(name: string, from: string, to: string, form: Form): NodeProto {
  const type = makeInt('to', elementTypeNumber(FORM_TYPE[form]));
  return makeNode({ opType: 'Cast', name, inputs: [from], outputs: [to], attributes: [type] });
}
