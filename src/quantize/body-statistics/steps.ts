/** Which bodies of If, Loop and Scan calibration runs by themselves, and what each needs to. */
import {
  bodiesOf,
  isControlFlow,
  outerReads,
  ScopedIndex,
  valueType,
  type Body,
  type GraphIndex,
  type Model,
} from '../../onnx';
import { definedIn } from '../passes/name-body-tensors';

/** One body, run by itself for each of its turns. */
export interface BodyStep {
  body: Body;
  index: GraphIndex;
  /** Computed tensors of the graphs around it that it, or one inside it, reads. */
  captured: string[];
  /** Tensors of its own whose statistics are wanted, with their places among all that are. */
  wanted: { name: string; tensor: number }[];
  inner: BodyStep[];
}

/** What these give is no tensor, and the runtime's binding hands out nothing else. */
const NO_TENSORS = /^(Sequence(?!At|Length)|SplitToSequence$|Optional(?!GetElement|HasElement))/;

/**
 * Why the tensors of a body have no statistics, in a sentence, or null where calibration reads them.
 * @param index of the model that holds it
 */
export function whyUnread(body: Body, indexes: ScopedIndex): string | null {
  for (let at: Body | null = body; at; at = at.parent) {
    const { owner, graph, path, parent } = at;
    if (!isControlFlow(owner))
      return `it is inside ${owner.opType} '${path}', whose turns calibration cannot follow: mode: dynamic quantizes there`;
    const around = indexes.of(parent);
    const odd =
      graph.input.find((v) => v.type && valueType(v).type === 'undefined')?.name ??
      [...owner.input, ...outerReads(graph)].find((name) =>
        NO_TENSORS.test(around.producer(name)?.opType ?? ''),
      );
    if (odd !== undefined)
      return `it is inside ${owner.opType} '${path}', which reads '${odd}': that is no tensor, so calibration cannot follow it, and mode: dynamic quantizes there`;
  }
  return null;
}

/** The bodies to run, outermost first, for tensors of which some are defined inside bodies. */
export function bodySteps(model: Model, tensors: readonly string[]): BodyStep[] {
  const all = bodiesOf(model.graph);
  if (all.length === 0) return [];
  const indexes = new ScopedIndex(model.graph);
  const places = new Map(tensors.map((name, tensor) => [name, tensor]));
  const build = (parent: Body | null): BodyStep[] =>
    all
      .filter((body) => body.parent?.graph === parent?.graph)
      .flatMap((body) => {
        const inner = build(body);
        const wanted = definedIn(body.graph).flatMap((name) =>
          places.has(name) ? [{ name, tensor: places.get(name)! }] : [],
        );
        if (inner.length + wanted.length === 0 || whyUnread(body, indexes) !== null) return [];
        const index = indexes.of(body);
        const captured = [...outerReads(body.graph)].filter((name) => !index.isConstant(name));
        return [{ body, index, captured, wanted, inner }];
      });
  return build(null);
}

/** Computed tensors that a step reads of the graphs around it: its owner's inputs, and what its body captures. */
export function needsOf({ body, captured }: BodyStep, around: GraphIndex): string[] {
  const inputs = body.owner.input.filter((name) => name !== '' && !around.isConstant(name));
  return [...new Set([...inputs, ...captured])];
}
