/** The graphs inside a graph: branches of If, bodies of Loop and Scan, and what other operators carry. */
import { GraphIndex, outerReads } from './graph';
import { isDefaultDomain, Model } from './model';
import { label } from './order';
import type { GraphProto, NodeProto, TensorProto } from './schema';

/** A graph that hangs on a node. */
export interface Body {
  graph: GraphProto;
  /** The node that holds it. */
  owner: NodeProto;
  /** Its attribute: `body`, `then_branch`, `else_branch`. */
  role: string;
  /** The body around it; null where that is the main graph. */
  parent: Body | null;
  /** For people, and before the names of its nodes: `loop`, `if/then`, `outer/inner`. */
  path: string;
}

/** Every graph inside a graph, outer before inner. */
export function bodiesOf(graph: GraphProto, parent: Body | null = null): Body[] {
  return graph.node.flatMap((owner) =>
    owner.attribute.flatMap((a) =>
      [...(a.g ? [a.g] : []), ...a.graphs].flatMap((inner) => {
        const own = label(owner);
        const prefix = parent && !own.startsWith(`${parent.path}/`) ? `${parent.path}/` : '';
        const path = bodyPath(`${prefix}${own}`, a.name);
        const body: Body = { graph: inner, owner, role: a.name, parent, path };
        return [body, ...bodiesOf(inner, body)];
      }),
    ),
  );
}

/** The way to a body: its node's name, and which of several it is. */
export function bodyPath(owner: string, attribute: string): string {
  return attribute === 'body' ? owner : `${owner}/${attribute.replace(/_branch$/, '')}`;
}

/** True for ONNX's own If, Loop and Scan, whose bodies run as a part of the graph around them. */
export function isControlFlow(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && ['If', 'Loop', 'Scan'].includes(node.opType);
}

/** True where a body may run more than once for one run of the model. */
export function repeats(body: Body): boolean {
  return body.owner.opType !== 'If' || (body.parent !== null && repeats(body.parent));
}

/** A body as a model of its own, for what works on models. The graph is the body itself, not a copy. */
export function bodyModel(model: Model, { graph }: Body): Model {
  return new Model({ ...model.proto, graph }, model.file, model.dir);
}

/** The constants of the graphs around a body that it, or one inside it, reads. @param index of the body, see {@link ScopedIndex} */
export function constantsAround({ graph }: Body, index: GraphIndex): TensorProto[] {
  return [...outerReads(graph)].flatMap((name) => index.initializer(name) ?? []);
}

/** Indexes of a main graph and of every graph inside it; inner ones see the constants around them. */
export class ScopedIndex {
  readonly main: GraphIndex;
  private readonly inner = new Map<GraphProto, GraphIndex>();

  constructor(graph: GraphProto) {
    this.main = new GraphIndex(graph);
    for (const { graph: body, parent } of bodiesOf(graph))
      this.inner.set(body, new GraphIndex(body, parent ? this.inner.get(parent.graph) : this.main));
  }

  /** The index of a body's graph; of the main graph for null or undefined. */
  of(body: Body | null | undefined): GraphIndex {
    return (body ? this.inner.get(body.graph) : undefined) ?? this.main;
  }
}
