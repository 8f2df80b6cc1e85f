import { integerValues, intsAttribute, stringAttribute, type NodeProto } from '../../../onnx';
import type { FusionBlocker } from '../../../results';
import { between, blocker, firstOf, frozen } from '../blockers';
import type { FusionPattern } from '../types';
import type { FusionGraph } from '../view';

/** A Pad of zeros goes into the convolution or pool behind it. */
export const pad: FusionPattern = {
  name: 'Pad+Conv',
  what: 'Pad with zeros of the spatial axes → Conv, MaxPool or AveragePool',
  by: [
    { who: 'runtime', name: 'PadFusion', level: 'basic' },
    { who: 'pass', name: 'fold pad', level: null },
  ],
  into: ['Conv', 'FusedConv', 'MaxPool', 'AveragePool', 'QLinearConv'],
  blockers: ['second-reader', 'graph-output', 'not-constant', 'overridable', 'attribute', 'form'],
  gain: 'The padding happens while the kernel reads: the padded copy of the tensor is never written.',
  match({ graph, context }) {
    return graph.nodes.flatMap((node) => {
      if (!graph.is(node, 'Pad')) return [];
      const next = graph.readers(node.output[0]!).find((n) => graph.is(n, ...KERNELS));
      if (!next || graph.origin(next.input[0]!) !== node.output[0]) return [];
      const pass = context.hostOf(node.name) !== node.name;
      const found = firstOf(
        () => between(graph, node, next),
        () => padding(graph, node),
        () => kernel(next),
      );
      return [{ nodes: [node, next], vanish: [node], host: next, blocker: found, pass }];
    });
  },
};

const KERNELS = ['Conv', 'MaxPool', 'AveragePool'];

function padding(graph: FusionGraph, node: NodeProto): FusionBlocker | null {
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode !== 'constant')
    return blocker('attribute', node, { value: `mode is ${mode}` }, 'Only zeros can be padded so.');
  const [, amounts, value, axes] = node.input;
  const own = intsAttribute(node, 'pads');
  const open = frozen(graph, node, [amounts, value]);
  if (open) return open;
  if (axes) return blocker('form', node, { value: 'it names its axes in an input' });
  const constant = amounts ? graph.stored(amounts) : undefined;
  const pads = own ?? (constant ? integerValues(constant, graph.model.dir) : null);
  if (!pads) return null; // computed of constants: not known here
  const rank = pads.length / 2;
  if (pads.some((p, i) => i % rank < 2 && p !== 0))
    return blocker('attribute', node, { value: 'padding is of batch or channels too' });
  if (pads.some((p) => p < 0)) return blocker('attribute', node, { value: 'padding is negative' });
  const fill = value ? graph.values(value)?.[0] : 0;
  return fill === undefined || fill === 0
    ? null
    : blocker('attribute', node, { value: `padding is with ${fill}` });
}

function kernel(next: NodeProto): FusionBlocker | null {
  const auto = stringAttribute(next, 'auto_pad', 'NOTSET');
  if (auto !== 'NOTSET' && auto !== '')
    return blocker('attribute', next, { value: `auto_pad is ${auto}` }, 'Write its pads out.');
  if (next.output.slice(1).some((o) => o !== ''))
    return blocker('attribute', next, { value: 'indices are an output' });
  return null;
}
