import type { NodeProto } from '../../../onnx';
import { geluAround } from '../../../quantize/patterns/gelu';
import type { FusionBlocker } from '../../../results';
import { alsoRead, between, blocker, firstOf, float32, readOutside, shown } from '../blockers';
import type { FusionPattern, Match } from '../types';
import { sameDim, type FusionGraph } from '../view';

/** GELU that exporters wrote out becomes one node. */
export const gelu: FusionPattern = {
  name: 'GELU',
  what: 'Div √2 → Erf → Add 1 → Mul x → Mul ½ (or ½ first): Gelu; the form with Tanh: FastGelu; x · sigmoid(α·x): QuickGelu',
  by: [
    { who: 'runtime', name: 'GeluFusion', level: 'basic' },
    { who: 'runtime', name: 'FastGeluFusion, QuickGeluFusion', level: 'extended' },
  ],
  into: ['Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu'],
  blockers: ['second-reader', 'graph-output', 'form', 'type'],
  gain: 'One kernel instead of five that write and read the widest tensor of the block in turn.',
  match({ graph, fused }) {
    return graph.nodes.flatMap((root): Match[] => {
      if (graph.is(root, 'Sigmoid')) return quick(graph, root, fused);
      if (!graph.is(root, 'Erf', 'Tanh')) return [];
      const members = geluAround(graph.index, root);
      if (!members) return beginning(graph, root);
      const nodes = graph.nodes.filter((node) => members.has(node));
      const why = firstOf(
        () => readOutside(graph, nodes),
        () => float32(graph, root, root.input[0]),
        () => (root.opType === 'Erf' ? erfForm(graph, root, nodes) : tanhForm(graph, root, nodes)),
      );
      return [{ nodes, blocker: why }];
    });
  },
};

/** The Add of a bias before a GELU runs in its kernel. */
export const biasGelu: FusionPattern = {
  name: 'Add+GELU',
  what: 'Add of a row → Gelu (a node, or one that the runtime makes)',
  by: [{ who: 'runtime', name: 'BiasGeluFusion', level: 'extended' }],
  into: ['BiasGelu', 'FastGelu'],
  blockers: ['second-reader', 'graph-output', 'shape', 'shape-unknown', 'taken', 'opset'],
  gain: 'The bias is added while the kernel reads: a pass over the widest tensor of the block less.',
  match(input) {
    const { graph, fused } = input;
    const written = gelu
      .match(input)
      .filter(({ nodes, blocker: found }) => !found && isGelu(nodes));
    const groups = [
      ...written.map(({ nodes }) => nodes),
      ...graph.nodes.filter((node) => graph.is(node, 'Gelu')).map((node) => [node]),
    ];
    return groups.flatMap((nodes) => biased(graph, nodes, fused));
  },
};

/** x · sigmoid has no form with a bias. */
function isGelu(nodes: readonly NodeProto[]): boolean {
  return !nodes.some((node) => node.opType === 'Sigmoid');
}

/** What begins like a GELU of Erf, but is read from outside. */
function beginning(graph: FusionGraph, erf: NodeProto): Match[] {
  if (erf.opType !== 'Erf') return [];
  const before = graph.maker(erf.input[0]);
  const readers = graph.readers(erf.output[0]!);
  const add = readers.find((n) => graph.is(n, 'Add') && n.input.some((t) => graph.isValue(t, 1)));
  if (!before || !add) return [];
  const why =
    between(graph, erf, add) ?? blocker('form', erf, { value: 'what follows is no GELU' });
  return [{ nodes: [before, erf, add], blocker: why }];
}

function erfForm(
  graph: FusionGraph,
  erf: NodeProto,
  nodes: readonly NodeProto[],
): FusionBlocker | null {
  const before = graph.maker(erf.input[0]);
  if (!graph.is(before, 'Div') || !nodes.includes(before)) {
    const op = before?.opType ?? 'nothing';
    return blocker('form', before ?? erf, { value: `before Erf stands ${op}, not Div by √2` }, DIV);
  }
  const sum = graph.readers(erf.output[0]!)[0]!;
  const product = graph.readers(sum.output[0]!)[0];
  return product?.input.some((name) => graph.isConstant(graph.origin(name)))
    ? blocker('form', product, { value: '½ multiplies the sum, not x or the product' })
    : null;
}

const DIV = 'Write x / √2 as a Div, or export with opset 20 and its Gelu.';

function tanhForm(
  graph: FusionGraph,
  tanh: NodeProto,
  nodes: readonly NodeProto[],
): FusionBlocker | null {
  const last = nodes.find((n) => !graph.readers(n.output[0]!).some((r) => nodes.includes(r)))!;
  if (last.input.some((name) => graph.isConstant(name)))
    return blocker('form', last, { value: '½ comes last, not before the product' });
  if (graph.isOutput(last.output[0]!))
    return blocker('graph-output', last, { op: 'the next node, which is the result of the GELU,' });
  const scaled = graph.maker(tanh.input[0]);
  return graph.is(scaled, 'Mul') && nodes.includes(scaled)
    ? null
    : blocker('form', tanh, { value: 'before Tanh stands no product with √(2/π)' });
}

/** x · sigmoid(α·x). */
function quick(
  graph: FusionGraph,
  sigmoid: NodeProto,
  fused: ReadonlyMap<NodeProto, string>,
): Match[] {
  if (fused.has(sigmoid)) return [];
  const scaled = graph.maker(sigmoid.input[0]);
  const factor =
    graph.is(scaled, 'Mul') && scaled.input.some((name) => graph.isFrozen(name)) ? scaled : null;
  const x = factor
    ? graph.origin(factor.input.find((name) => !graph.isFrozen(name))!)
    : graph.origin(sigmoid.input[0]!);
  const product = graph
    .readers(sigmoid.output[0]!)
    .find((n) => graph.is(n, 'Mul') && n.input.some((name) => graph.origin(name) === x));
  if (!product) return [];
  const nodes = factor ? [factor, sigmoid, product] : [sigmoid, product];
  const why = firstOf(
    () => readOutside(graph, nodes),
    () => float32(graph, sigmoid, x),
  );
  return [{ nodes, blocker: why }];
}

function biased(
  graph: FusionGraph,
  nodes: readonly NodeProto[],
  fused: ReadonlyMap<NodeProto, string>,
): Match[] {
  const members = new Set(nodes);
  const outer = nodes.flatMap((n) => n.input.map((name) => graph.maker(name)));
  const add = outer.find((n) => graph.is(n, 'Add') && !members.has(n));
  if (!add || add.input.length !== 2) return [];
  const slot = add.input.findIndex((name) => graph.shape(name)?.length === 1);
  if (slot < 0) return [];
  const readers = graph.readers(add.output[0]!).filter((n) => members.has(n));
  const already = fused.get(add);
  const why = firstOf(
    () => (already ? blocker('taken', add, { op: 'Add', value: `the pattern ${already}` }) : null),
    () => alsoRead(graph, add.output[0]!, readers),
    () => width(graph, add, add.input[slot]!, add.input[1 - slot]!),
  );
  return [{ nodes: [add, ...nodes], vanish: [add], host: nodes[0]!, blocker: why }];
}

function width(graph: FusionGraph, add: NodeProto, bias: string, x: string): FusionBlocker | null {
  const [b, dims] = [graph.shape(bias)!, graph.shape(x)];
  const last = dims?.at(-1);
  if (typeof last !== 'number') return blocker('shape-unknown', add, { tensor: x });
  return sameDim(b[0], last) ? null : blocker('shape', add, { tensor: bias, value: shown(b) });
}
