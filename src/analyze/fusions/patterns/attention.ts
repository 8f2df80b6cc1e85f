import { intsAttribute, type NodeProto } from '../../../onnx';
import { attentionAround } from '../../../quantize/patterns/attention';
import { maskedTensors } from '../../../quantize/patterns/masks';
import { blocker } from '../blockers';
import type { FusionPattern } from '../types';
import type { FusionGraph } from '../view';

/** An attention that exporters wrote out becomes one node, where it has BERT's form to the letter. */
export const attention: FusionPattern = {
  name: 'Attention',
  what: 'LayerNormalization → three MatMul → Add → Reshape → Transpose → MatMul → Div → Add of the mask → Softmax → MatMul → Transpose → Reshape → MatMul → Add → Add of the LayerNormalization’s result',
  by: [{ who: 'runtime', name: 'AttentionFusion', level: 'extended' }],
  into: ['Attention'],
  blockers: ['form'],
  gain: 'Queries, keys and values come from one product, and no matrix of scores is written and read four times.',
  match({ graph }) {
    const masks = maskedTensors(graph.model, graph.index);
    return graph.nodes.flatMap((softmax) => {
      if (!graph.is(softmax, 'Softmax')) return [];
      const found = attentionAround(graph.index, softmax, masks);
      const { scores, values, between } = found;
      if (!scores || !values) return [];
      const nodes = graph.nodes.filter(
        (n) => n === scores || n === values || n === softmax || between.has(n),
      );
      const value = otherForm(graph, scores, softmax, values);
      const why = value === null ? null : blocker('form', scores, { value });
      return [{ nodes, host: scores, blocker: why }];
    });
  },
};

/** In what it differs from the form that the runtime looks for; null where it does not. */
function otherForm(
  graph: FusionGraph,
  scores: NodeProto,
  softmax: NodeProto,
  values: NodeProto,
): string | null {
  const [q, k] = scores.input.map((t) => projection(graph, t));
  const v = projection(graph, values.input[1]!);
  if (!q || !k || !v) return 'queries, keys and values are not MatMul → Add → Reshape → Transpose';
  const from = [q, k, v].map((matmul) => graph.origin(matmul.input[0]!));
  if (new Set(from).size !== 1) return 'queries, keys and values are not made of one tensor';
  const norm = graph.maker(from[0]);
  if (!graph.is(norm, 'LayerNormalization'))
    return 'what they are made of does not come out of a LayerNormalization';
  const mask = graph.maker(softmax.input[0]);
  if (!graph.is(mask, 'Add')) return 'no mask is added before the Softmax';
  const residual = graph.readers(from[0]!).filter((n) => graph.is(n, 'Add'));
  if (residual.length !== 1) return 'the residual sum does not start at the LayerNormalization';
  return null;
}

/** The MatMul of MatMul → Add → Reshape → Transpose that gives a tensor. */
function projection(graph: FusionGraph, tensor: string): NodeProto | undefined {
  const transpose = graph.maker(tensor);
  if (!graph.is(transpose, 'Transpose') || intsAttribute(transpose, 'perm')?.length !== 4)
    return undefined;
  const reshape = graph.maker(transpose.input[0]);
  const add = graph.is(reshape, 'Reshape') ? graph.maker(reshape.input[0]) : undefined;
  if (!graph.is(add, 'Add')) return undefined;
  return add.input.map((t) => graph.maker(t)).find((n) => graph.is(n, 'MatMul'));
}
