import { permutation, type NodeProto } from '../../../onnx';
import type { FusionBlocker } from '../../../results';
import { between, blocker, firstOf, float32, shown } from '../blockers';
import type { FusionPattern, MatchInput } from '../types';
import { sameDim, type FusionGraph } from '../view';

/** The Add behind a MatMul becomes the bias of a Gemm. */
export const matmulAdd: FusionPattern = {
  name: 'MatMul+Add',
  what: 'MatMul → Add of a bias',
  by: [
    { who: 'runtime', name: 'MatMulAddFusion', level: 'basic' },
    { who: 'pass', name: 'matmul to gemm, fold bias', level: null },
  ],
  into: ['Gemm', 'FusedGemm'],
  blockers: [
    ...(['second-reader', 'graph-output', 'shape', 'shape-unknown'] as const),
    ...(['qdq-between', 'type', 'form'] as const),
  ],
  gain: 'The bias is added while the product is written: a pass over the result less.',
  match({ graph, context, fused }) {
    return graph.nodes.flatMap((node) => {
      if (!graph.is(node, 'Add') || fused.has(node)) return [];
      const found = node.input.flatMap((name) => {
        const pair = graph.beforePair(name);
        const matmul = graph.maker(pair?.tensor ?? name);
        if (!graph.is(matmul, 'MatMul')) return [];
        return [{ matmul, pair, end: graph.origin(name) }];
      })[0];
      if (!found) return [];
      const { matmul, pair, end } = found;
      const bias = graph.other(node, end);
      // the sum of a residual: no bias
      if (bias === undefined || (graph.shape(bias)?.length ?? 9) > 2) return [];
      const why = firstOf(
        () => (pair ? blocker('qdq-between', pair.quantize) : null),
        () => between(graph, matmul, node),
        () => float32(graph, matmul, matmul.input[0]),
        () => product(graph, matmul, bias),
      );
      const pass = context.hostOf(node.name) !== node.name;
      return [{ nodes: [matmul, node], blocker: why, pass }];
    });
  },
};

function product(graph: FusionGraph, matmul: NodeProto, bias: string): FusionBlocker | null {
  const [a, b] = matmul.input as [string, string];
  const [x, w, c] = [graph.shape(a), graph.shape(b), graph.shape(bias)];
  if (!x) return blocker('shape-unknown', matmul, { tensor: a });
  if (!w) return blocker('shape-unknown', matmul, { tensor: b });
  if (w.length !== 2) return blocker('shape', matmul, { tensor: b, value: shown(w) }, TWO);
  if (x.length !== 2) {
    if (attends(graph, a))
      return blocker('form', matmul, { value: 'it projects the result of an attention' });
    if (x.some((d) => typeof d !== 'number'))
      return blocker('shape-unknown', matmul, { tensor: a });
  }
  if (!c) return blocker('shape-unknown', matmul, { tensor: bias });
  const row = c.length === 1 && sameDim(c[0], w[1]);
  const rows = c.length === 2 && x.length === 2;
  const fits =
    row ||
    (rows && c[0] === 1 && sameDim(c[1], w[1])) ||
    (rows && sameDim(c[0], x[0]) && (c[1] === 1 || sameDim(c[1], w[1])));
  return fits ? null : blocker('shape', matmul, { tensor: bias, value: shown(c) }, ROW);
}

const TWO = 'A Gemm takes a matrix of weights.';
const ROW = 'A Gemm takes a bias with one value a column.';

/** True where a value is Softmax → MatMul → Transpose → Reshape: the runtime leaves these for its attention. */
function attends(graph: FusionGraph, tensor: string): boolean {
  const reshape = graph.maker(tensor);
  const transpose = graph.is(reshape, 'Reshape') ? graph.maker(reshape.input[0]) : undefined;
  const product_ = graph.is(transpose, 'Transpose') ? graph.maker(transpose.input[0]) : undefined;
  const softmax = graph.is(product_, 'MatMul') ? graph.maker(product_.input[0]) : undefined;
  return graph.is(softmax, 'Softmax');
}

/** Activations that the runtime's Gemm computes by itself. */
const GEMM_ACTIVATIONS =
  'Elu HardSigmoid LeakyRelu Relu Selu Sigmoid Softplus Softsign Tanh ThresholdedRelu'.split(' ');

/** The activation behind a Gemm, be it one from the start or a MatMul with its bias. */
export const gemmActivation: FusionPattern = {
  name: 'Gemm+Activation',
  what: `Gemm, or MatMul → Add of a bias, → ${GEMM_ACTIVATIONS.join(', ')}`,
  by: [
    { who: 'runtime', name: 'GemmActivationFusion', level: 'extended' },
    { who: 'pass', name: 'range of the output quantizer (Relu, Clip)', level: null },
  ],
  into: ['FusedGemm'],
  blockers: ['second-reader', 'graph-output', 'qdq-between', 'type', 'provider', 'shape'],
  gain: 'The activation is computed while the product is written: a pass over the result less.',
  match(input) {
    const { graph } = input;
    return graph.nodes.flatMap((node) => {
      if (!graph.is(node, ...GEMM_ACTIVATIONS, 'Clip')) return [];
      const pair = graph.beforePair(node.input[0]!);
      const last = graph.maker(pair?.tensor ?? node.input[0]);
      const gemm = last && gemmBehind(input, last);
      if (!gemm) return [];
      const why = firstOf(
        () => (pair ? blocker('qdq-between', pair.quantize) : null),
        () => (node.opType === 'Clip' ? blocker('provider', node, { op: 'Gemm with Clip' }) : null),
        () => between(graph, last, node),
        () => float32(graph, gemm, gemm.input[0]),
        () => reshaped(graph, gemm),
      );
      const unit = input.units.get(input.context.hostOf(gemm.name));
      const pass = unit?.activation?.name === node.name;
      return [{ nodes: [gemm, node], blocker: why, pass }];
    });
  },
};

function gemmBehind({ graph, fused }: MatchInput, last: NodeProto): NodeProto | undefined {
  if (graph.is(last, 'Gemm')) return last;
  if (fused.get(last) !== 'MatMul+Add') return undefined;
  return last.input.map((name) => graph.maker(name)).find((n) => graph.is(n, 'MatMul'));
}

/** A MatMul of more than two dimensions becomes Reshape → Gemm → Reshape: the activation is not behind the Gemm then. */
function reshaped(graph: FusionGraph, gemm: NodeProto): FusionBlocker | null {
  if (gemm.opType === 'Gemm') return null;
  const x = graph.shape(gemm.input[0]!);
  if (!x || x.length === 2) return null;
  const tensor = gemm.input[0]!;
  const what = `${shown(x)}, so that a Reshape comes behind the Gemm`;
  return blocker('shape', gemm, { tensor, value: what }, 'Let the Gemm work on two dimensions.');
}

/** A Transpose of the last two axes goes into the MatMul behind it. */
export const transposeMatmul: FusionPattern = {
  name: 'Transpose+MatMul',
  what: 'Transpose of the last two axes → MatMul',
  by: [{ who: 'runtime', name: 'MatmulTransposeFusion', level: 'extended' }],
  into: ['FusedMatMul'],
  blockers: ['graph-output', 'attribute', 'type', 'taken'],
  gain: 'The kernel reads the matrix the other way round: no transposed copy is written.',
  match({ graph, fused }) {
    return graph.nodes.flatMap((node) => {
      if (!graph.is(node, 'MatMul')) return [];
      return node.input.flatMap((name) => {
        const transpose = graph.maker(name);
        if (!graph.is(transpose, 'Transpose') || graph.isFrozen(name)) return [];
        const perm = axesOf(graph, transpose);
        if (!perm) return [];
        const swaps = swapsLast(perm);
        const known = fused.get(node);
        const why = firstOf(
          () =>
            swaps
              ? null
              : blocker('attribute', transpose, { value: `perm is ${perm.join(', ')}` }, LAST),
          () =>
            known ? blocker('taken', node, { op: 'MatMul', value: `the pattern ${known}` }) : null,
          () =>
            graph.isOutput(transpose.output[0]!)
              ? blocker('graph-output', transpose, { op: 'the MatMul' })
              : null,
          () => float32(graph, node, node.input[0]),
          () => meets(graph, transpose),
        );
        // where others read it too, it is computed for them
        const vanish = graph.readers(transpose.output[0]!).length === 1 ? [transpose] : [];
        return [{ nodes: [transpose, node], vanish, host: node, blocker: why }];
      });
    });
  },
};

/** Operators through which the runtime moves a Transpose down. */
const MOVES = 'Gather Split Slice Squeeze Unsqueeze Mul Div Add Sub Cast Relu Sigmoid Tanh'.split(
  ' ',
);

/** A Transpose further up that the runtime moves down to this one, and makes one of both. */
function meets(graph: FusionGraph, transpose: NodeProto): FusionBlocker | null {
  let node = graph.maker(transpose.input[0]);
  for (let i = 0; node && i < 6; i++) {
    if (graph.is(node, 'Transpose'))
      return blocker('taken', node, { op: transpose.opType, value: `'${node.name}', moved down` });
    if (!graph.is(node, ...MOVES)) return null;
    const computed: string[] = node.input.filter((name) => name !== '' && !graph.isFrozen(name));
    node = computed.length === 1 ? graph.maker(computed[0]) : undefined;
  }
  return null;
}

const LAST = 'Only a swap of the last two axes goes into the kernel.';

/** The permutation of a Transpose; null where neither attribute nor rank is known. */
export function axesOf(graph: FusionGraph, transpose: NodeProto): number[] | null {
  const rank = graph.shape(transpose.input[0]!)?.length;
  const axes = permutation(transpose, rank ?? 0);
  return axes.length > 0 ? axes : null;
}

function swapsLast(perm: readonly number[]): boolean {
  const n = perm.length;
  return n >= 2 && perm.every((p, i) => p === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i));
}
