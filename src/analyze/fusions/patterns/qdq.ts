import { isDefaultDomain, tensorData, type NodeProto } from '../../../onnx';
import { integerRule, operatorRow } from '../../../quantize/operators';
import { between, blocker, firstOf } from '../blockers';
import type { FusionPattern, Match, MatchInput } from '../types';
import type { FusionGraph } from '../view';

/** A DequantizeLinear with a QuantizeLinear behind it: codes are made floats and codes again. */
export const redundantPair: FusionPattern = {
  name: 'DQ+Q',
  what: 'DequantizeLinear → QuantizeLinear with the same scale and zero point',
  by: [{ who: 'runtime', name: 'QDQFinalCleanupTransformer', level: 'extended' }],
  into: [],
  blockers: ['graph-output', 'parameters'],
  gain: 'Two passes over the tensor, and its float copy, are not made.',
  match({ graph }) {
    return graph.nodes.flatMap((q) => {
      if (!graph.is(q, 'QuantizeLinear')) return [];
      const dq = graph.maker(q.input[0]);
      if (!graph.is(dq, 'DequantizeLinear') || graph.isFrozen(dq.input[0]!)) return [];
      const why = firstOf(
        () =>
          graph.isOutput(dq.output[0]!)
            ? blocker('graph-output', dq, { op: 'the QuantizeLinear' })
            : null,
        () =>
          sameParameters(graph, dq, q) || inside(graph, dq, q) ? null : blocker('parameters', q),
      );
      // the runtime gives every reader a DequantizeLinear of its own
      const shared = graph.readers(dq.output[0]!).length > 1;
      return [{ nodes: [dq, q], vanish: shared ? [q] : [dq, q], blocker: why }];
    });
  },
};

/** True between a QuantizeLinear and a DequantizeLinear: the runtime makes one pair of both, whatever their scales. */
function inside(graph: FusionGraph, dq: NodeProto, q: NodeProto): boolean {
  const type = (node: NodeProto) => graph.info(node.input[2] ?? '')?.type;
  const after = graph.readers(q.output[0]!);
  const before = graph.maker(dq.input[0]);
  return (
    graph.is(before, 'QuantizeLinear') &&
    graph.readers(before.output[0]!).length === 1 &&
    after.length === 1 &&
    graph.is(after[0], 'DequantizeLinear') &&
    type(dq) === type(q)
  );
}

/** An operator between DequantizeLinear and QuantizeLinear runs on codes. */
export const integerUnit: FusionPattern = {
  name: 'DQ+Operator+Q',
  what: 'DequantizeLinear of every input → an operator with an integer kernel (see the table of operators) → QuantizeLinear',
  by: [{ who: 'runtime', name: 'QDQSelectorActionTransformer', level: 'extended' }],
  into: ['QLinear…', 'QGemm', 'MatMulIntegerToFloat', 'the operator itself, on codes'],
  blockers: ['second-reader', 'graph-output', 'parameters', 'provider', 'form'],
  gain: 'It computes with 8-bit integers, and the tensors around it are a quarter as large.',
  match(input) {
    const { graph } = input;
    return graph.nodes.flatMap((node) => {
      if (!isDefaultDomain(node.domain)) return [];
      const row = operatorRow(node.opType, node.domain);
      if (!row || graph.is(node, 'QuantizeLinear', 'DequantizeLinear')) return [];
      const slots = row.activations === 'all' ? node.input.map((_, i) => i) : [...row.activations];
      const inputs = slots.flatMap((i) => node.input[i] || []);
      const dqs = inputs.flatMap((name) => dequantize(graph, name) ?? []);
      if (dqs.length === 0) return [];
      const quantize = graph.readers(node.output[0]!).find((n) => graph.is(n, 'QuantizeLinear'));
      const found = unit(input, node, inputs, dqs, quantize);
      return found ? [found] : [];
    });
  },
};

function unit(
  { graph }: MatchInput,
  node: NodeProto,
  inputs: readonly string[],
  dqs: readonly NodeProto[],
  quantize: NodeProto | undefined,
): Match | null {
  const rule = integerRule(node.opType, node.domain);
  const odd = rule?.only?.find((condition) => !condition.holds(node));
  const floats = inputs.find((name) => !dequantize(graph, name));
  if (!quantize && (!rule || rule.form === 'passthrough')) return null;
  const vanish = [...new Set(dqs), ...(quantize ? [quantize] : [])];
  const why = firstOf(
    () => (rule ? null : blocker('provider', node, { op: `${node.opType} on integers` })),
    () => (odd ? blocker('form', node, { value: odd.otherwise }) : null),
    () =>
      floats === undefined
        ? null
        : blocker('form', graph.maker(floats) ?? node, {
            value: `'${floats}', which it reads, is not dequantized`,
          }),
    () => (quantize ? between(graph, node, quantize) : null),
    () =>
      quantize || rule?.floatOutput
        ? null
        : blocker('form', node, { value: 'its result is not quantized' }),
    () =>
      quantize && rule?.form === 'passthrough' && !sameParameters(graph, dqs[0]!, quantize)
        ? blocker('parameters', quantize)
        : null,
  );
  return {
    nodes: [...new Set(dqs), node, ...(quantize ? [quantize] : [])],
    vanish,
    host: node,
    blocker: why,
  };
}

/** The DequantizeLinear that a value comes out of. */
function dequantize(graph: FusionGraph, tensor: string): NodeProto | undefined {
  const node = graph.maker(tensor);
  return graph.is(node, 'DequantizeLinear') ? node : undefined;
}

/** True where two nodes have scales and zero points of the same values. */
export function sameParameters(graph: FusionGraph, a: NodeProto, b: NodeProto): boolean {
  return [1, 2].every((slot) => {
    const [x, y] = [a.input[slot] ?? '', b.input[slot] ?? ''];
    if (x === y) return true;
    const [s, t] = [graph.stored(x), graph.stored(y)];
    if (!s || !t || s.dataType !== t.dataType) return false;
    const [v, w] = [tensorData(s, graph.model.dir), tensorData(t, graph.model.dir)];
    return v.length === w.length && Array.from(v as ArrayLike<unknown>).every((n, i) => n === w[i]);
  });
}
