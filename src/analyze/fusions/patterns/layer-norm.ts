import { intAttribute, intsAttribute, integerValues, type NodeProto } from '../../../onnx';
import { normalizations } from '../../../quantize/patterns/layer-norm';
import type { FusionBlocker } from '../../../results';
import { blocker, firstOf, float32, shown, readOutside } from '../blockers';
import type { FusionPattern, Match } from '../types';
import type { FusionGraph } from '../view';

/** Nodes of a normalisation by the parts that they play; undefined where it is written otherwise. */
interface Parts {
  mean: NodeProto | undefined;
  square: NodeProto;
  variance: NodeProto;
  epsilon: NodeProto;
  sqrt: NodeProto;
  divide: NodeProto;
  gain: NodeProto;
  offset: NodeProto | undefined;
}

/** LayerNorm and RMSNorm that exporters wrote out become one node. */
export const layerNorm: FusionPattern = {
  name: 'LayerNorm',
  also: ['RMSNorm'],
  what: 'ReduceMean → Sub → Pow 2 → ReduceMean → Add ε → Sqrt → Div → Mul γ → Add β, over the last axes; RMSNorm the same without the mean and β',
  by: [
    { who: 'runtime', name: 'LayerNormFusion', level: 'basic' },
    { who: 'runtime', name: 'SimplifiedLayerNormFusion', level: 'extended' },
  ],
  into: ['LayerNormalization', 'SimplifiedLayerNormalization', 'SkipLayerNormalization'],
  blockers: [
    ...(['second-reader', 'graph-output', 'form', 'attribute'] as const),
    ...(['shape', 'shape-unknown', 'type'] as const),
  ],
  gain: 'One kernel reads the tensor twice instead of nine that write and read it in turn.',
  match({ graph }) {
    return normalizations(graph.index, graph.nodes).flatMap(({ nodes, input }): Match[] => {
      const inOrder = graph.nodes.filter((node) => nodes.has(node));
      const found = partsOf(graph, inOrder, input);
      if ('code' in found) return [{ nodes: inOrder, blocker: found }];
      if (!found.mean) return [rms(graph, found, input)];
      const whole = layer(graph, found, inOrder, input);
      if (!whole.blocker) return [whole];
      // the runtime may still make an RMSNorm of what comes behind the difference
      const rest = rms(graph, found, graph.origin(found.square.input[0]!));
      return rest.blocker ? [whole] : [whole, rest];
    });
  },
};

function layer(
  graph: FusionGraph,
  parts: Parts,
  inOrder: readonly NodeProto[],
  input: string,
): Match {
  const { gain, offset } = parts;
  const members = new Set([...inOrder, gain, ...(offset ? [offset] : [])]);
  const nodes = graph.nodes.filter((node) => members.has(node));
  const why = firstOf(
    () => readOutside(graph, nodes),
    () => (offset ? null : blocker('form', gain, { value: 'it has no offset β' })),
    () => float32(graph, parts.square, input),
    () => axes(graph, parts, input),
    () => parameters(graph, parts),
  );
  return { nodes, blocker: why };
}

/** The part behind the difference, or all of a normalisation without a mean. */
function rms(graph: FusionGraph, parts: Parts, input: string): Match {
  const { square, variance, epsilon, sqrt, divide, gain } = parts;
  const members = new Set([square, variance, epsilon, sqrt, divide, gain]);
  const nodes = graph.nodes.filter((node) => members.has(node));
  const why = firstOf(
    () => readOutside(graph, nodes),
    () => float32(graph, square, input),
    () =>
      graph.origin(divide.input[0]!) === input
        ? null
        : blocker('form', divide, { value: 'it divides another value than it squares' }),
    () => axes(graph, { ...parts, mean: undefined }, input),
    () => parameters(graph, { ...parts, offset: undefined }),
  );
  return { pattern: 'RMSNorm', nodes, blocker: why };
}

/** The parts, or which of them is written otherwise than the runtime looks for. */
function partsOf(
  graph: FusionGraph,
  nodes: readonly NodeProto[],
  input: string,
): Parts | FusionBlocker {
  const sqrt = nodes.find((n) => n.opType === 'Sqrt')!;
  const other = (value: string) => blocker('form', sqrt, { value });
  const added = graph.maker(sqrt.input[0]);
  if (!graph.is(added, 'Add')) return other('it adds no ε before the root');
  const variance = added.input.map((t) => graph.maker(t)).find((n) => graph.is(n, 'ReduceMean'));
  if (!variance) return other('it has no mean of squares');
  const square = graph.maker(variance.input[0])!;
  if (square.opType !== 'Pow') return other('it squares by a product, not by Pow');
  const difference = nodes.filter((n) => n.opType === 'Sub' && n.input[0] === input);
  const mean = difference[0] && graph.maker(difference[0].input[1]);
  const divide = graph.readers(sqrt.output[0]!).find((n) => nodes.includes(n));
  if (divide?.opType !== 'Div')
    return other(`it multiplies by a ${divide?.opType ?? 'value'}, not divides by the root`);
  const gain = graph.readers(divide.output[0]!).find((n) => n.opType === 'Mul');
  if (!gain) return other('it has no factor γ');
  const offset = graph.readers(gain.output[0]!).find((n) => graph.is(n, 'Add'));
  return { mean, square, variance, epsilon: added, sqrt, divide, gain, offset };
}

/** The means must run over the last axes, the same ones. */
function axes(graph: FusionGraph, { mean, variance }: Parts, input: string): FusionBlocker | null {
  const rank = graph.shape(input)?.length;
  for (const node of mean ? [mean, variance] : [variance]) {
    if (intAttribute(node, 'keepdims', 1) !== 1)
      return blocker('attribute', node, { value: 'keepdims is 0' });
    const stored = node.input[1] ? graph.stored(node.input[1]) : undefined;
    const own = intsAttribute(node, 'axes') ?? (stored && integerValues(stored));
    if (!own) continue;
    const last = own.every((a, i) => a === i - own.length || (rank && a === rank - own.length + i));
    if (!last) return blocker('attribute', node, { value: `axes are ${own.join(', ')}` }, LAST);
  }
  return null;
}

const LAST = 'The kernel normalizes over the last axes: move the channels there.';

/** Factor and offset are rows. */
function parameters(graph: FusionGraph, { divide, gain, offset }: Parts): FusionBlocker | null {
  const own: [NodeProto, string][] = [[gain, divide.output[0]!]];
  if (offset) own.push([offset, gain.output[0]!]);
  for (const [node, before] of own) {
    const tensor = graph.other(node, before);
    const dims = tensor === undefined ? null : graph.shape(tensor);
    if (tensor === undefined || !dims)
      return blocker('shape-unknown', node, { tensor: tensor ?? before });
    if (dims.length !== 1) return blocker('shape', node, { tensor, value: shown(dims) });
  }
  return null;
}
