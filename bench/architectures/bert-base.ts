import { makeTensor } from '../../src/onnx';
import { Net } from './net';
import {
  embedding,
  geluErf,
  layerNormDecomposed,
  linear,
  mergeHeads,
  splitHeads,
} from './transformer';

const TOKENS = 128;
const WIDTH = 768;
const HEADS = 12;
const LAYERS = 12;
const INNER = 3072;
const VOCABULARY = 30522;
const POSITIONS = 512;

/**
 * BERT-base, uncased (Devlin et al. 2018), with its pooler, for 128 tokens: token, position and type embeddings, an attention
 * mask, LayerNorm and GELU in small pieces.
 */
export function bertBase(): Net {
  const net = new Net();
  const shape = ['input_ids', 'attention_mask', 'token_type_ids'];
  const [ids, mask, types] = shape.map((name) => net.input(name, [1, TOKENS], 'int64'));
  const additive = additiveMask(net, mask!);
  let x = embeddings(net, ids!, types!);
  for (let i = 0; i < LAYERS; i++) x = encoderLayer(net, i, x, additive);
  const first = net.node('/pooler', 'Gather', [x, net.constant('/pooler', 0, 'int64')], {
    axis: 1,
  });
  const dense = net.node(
    '/pooler/dense',
    'Gemm',
    [
      first,
      net.parameter('pooler.dense.weight', [WIDTH, WIDTH], { kind: 'normal', std: 0.036 }),
      net.parameter('pooler.dense.bias', [WIDTH], { kind: 'normal', std: 0.02 }),
    ],
    { alpha: { float: 1 }, beta: { float: 1 }, transB: 1 },
  );
  const pooled = net.node('/pooler/activation', 'Tanh', [dense]);
  net.output(x, 'last_hidden_state', [1, TOKENS, WIDTH]);
  net.output(pooled, 'pooler_output', [1, WIDTH]);
  return net;
}

/** 1 and 0 become 0 and the lowest float. */
function additiveMask(net: Net, mask: string): string {
  let x = mask;
  for (const axis of [1, 2]) x = net.node('', 'Unsqueeze', [x, net.constant('', [axis], 'int64')]);
  const float = net.node('', 'Cast', [x], { to: 1 });
  const off = net.node('', 'Sub', [net.constant('', 1, 'float32'), float]);
  return net.node('', 'Mul', [off, net.constant('', -3.4028234663852886e38, 'float32')]);
}

function embeddings(net: Net, ids: string, types: string): string {
  const scope = '/embeddings';
  const at = (name: string) => `${scope}/${name}_embeddings`;
  const table = (name: string, index: string, rows: number) =>
    embedding(net, at(name), `embeddings.${name}_embeddings`, index, [rows, WIDTH]);
  const words = table('word', ids, VOCABULARY);
  const kinds = table('token_type', types, 2);
  const sum = net.node(scope, 'Add', [words, kinds]);
  net.constants.push(
    makeTensor(
      'onnx::Gather_position_ids',
      'int64',
      [1, TOKENS],
      BigInt64Array.from({ length: TOKENS }, (_, i) => BigInt(i)),
    ),
  );
  const places = table('position', 'onnx::Gather_position_ids', POSITIONS);
  const all = net.node(scope, 'Add', [sum, places]);
  return layerNormDecomposed(net, `${scope}/LayerNorm`, 'embeddings.LayerNorm', all, WIDTH);
}

function encoderLayer(net: Net, i: number, x: string, mask: string): string {
  const module = `encoder.layer.${i}`;
  const scope = `/encoder/layer.${i}`;
  const attended = attention(net, `${scope}/attention`, `${module}.attention`, x, mask);
  const inner = linear(
    net,
    `${scope}/intermediate/dense`,
    `${module}.intermediate.dense`,
    attended,
    [WIDTH, INNER],
    xavier(WIDTH, INNER),
  );
  const active = geluErf(net, `${scope}/intermediate/intermediate_act_fn`, inner);
  return output(net, `${scope}/output`, `${module}.output`, active, INNER, attended);
}

/** Glorot and Bengio 2010. */
function xavier(from: number, to: number): number {
  return Math.sqrt(2 / (from + to));
}

function attention(net: Net, scope: string, module: string, x: string, mask: string): string {
  const self = `${scope}/self`;
  const project = (name: string) =>
    linear(net, `${self}/${name}`, `${module}.self.${name}`, x, [WIDTH, WIDTH], 0.036);
  const [q, k, v] = ['query', 'key', 'value'].map(project) as [string, string, string];
  const query = splitHeads(net, self, q, HEADS, WIDTH);
  const key = splitHeads(net, self, k, HEADS, WIDTH, [0, 2, 3, 1]);
  const value = splitHeads(net, self, v, HEADS, WIDTH);
  const scores = net.node(self, 'MatMul', [query, key]);
  const root = net.constant(self, Math.sqrt(WIDTH / HEADS), 'float32');
  const masked = net.node(self, 'Add', [net.node(self, 'Div', [scores, root]), mask]);
  const weights = net.node(self, 'Softmax', [masked], { axis: -1 });
  const mixed = net.node(self, 'MatMul', [weights, value]);
  const merged = mergeHeads(net, self, mixed, WIDTH);
  return output(net, `${scope}/output`, `${module}.output`, merged, WIDTH, x);
}

/** Linear, residual, LayerNorm: the end of both halves of a layer. */
function output(
  net: Net,
  scope: string,
  module: string,
  x: string,
  from: number,
  residual: string,
): string {
  const std = xavier(from, WIDTH);
  const y = linear(net, `${scope}/dense`, `${module}.dense`, x, [from, WIDTH], std);
  const sum = net.node(scope, 'Add', [y, residual]);
  return layerNormDecomposed(net, `${scope}/LayerNorm`, `${module}.LayerNorm`, sum, WIDTH);
}
