import { makeTensor } from '../../src/onnx';
import { Net } from './net';
import { embedding, geluTanh, layerNorm, linear, mergeHeads, splitHeads } from './transformer';

/** Sizes of a GPT. */
export interface GptSize {
  width: number;
  layers: number;
  heads: number;
  vocabulary: number;
  positions: number;
}

/** 2.57 GB of FP32 weights: the width of GPT-2 large, and fewer layers. */
export const LARGE: GptSize = {
  width: 1280,
  layers: 26,
  heads: 20,
  vocabulary: 50257,
  positions: 1024,
};

/**
 * A GPT as GPT-2 (Radford et al. 2019): pre-LayerNorm, fused QKV, GELU by tanh, a causal mask, any number of tokens. The
 * head is tied to the token embedding; as exporters do with it, the transposed copy is a tensor of its own.
 */
export function gpt(size: GptSize): Net {
  const net = new Net();
  const { width, layers, vocabulary, positions } = size;
  const ids = net.input('input_ids', [1, 'tokens'], 'int64');
  const count = net.node('', 'Shape', [ids], { start: 1, end: 2 });
  const one = net.constant('', 0, 'int64');
  const scalar = net.node('', 'Squeeze', [count]);
  const range = net.node('', 'Range', [one, scalar, net.constant('', 1, 'int64')]);
  const words = embedding(net, '/transformer/wte', 'transformer.wte', ids, [vocabulary, width]);
  const places = embedding(net, '/transformer/wpe', 'transformer.wpe', range, [positions, width]);
  let x = net.node('/transformer', 'Add', [words, places]);
  const mask = causalMask(net, count, positions);
  for (let i = 0; i < layers; i++) x = block(net, i, x, mask, size);
  x = layerNorm(net, '/transformer/ln_f', 'transformer.ln_f', x, width);
  const scores = linear(
    net,
    '/lm_head',
    'lm_head',
    x,
    [width, vocabulary],
    { tied: 'transformer.wte.weight' },
    false,
  );
  net.output(scores, 'logits', [1, 'tokens', vocabulary]);
  return net;
}

/** The lower triangle of so many tokens, true where one token may see another. */
function causalMask(net: Net, count: string, positions: number): string {
  const scope = '/transformer/mask';
  const triangle = new Uint8Array(positions * positions);
  for (let i = 0; i < positions; i++) triangle.fill(1, i * positions, i * positions + i + 1);
  const dims = [1, 1, positions, positions];
  net.constants.push(makeTensor('transformer.bias', 'bool', dims, triangle));
  const start = net.constant(scope, [0, 0], 'int64');
  const end = net.node(scope, 'Concat', [count, count], { axis: 0 });
  const axes = net.constant(scope, [2, 3], 'int64');
  return net.node(scope, 'Slice', ['transformer.bias', start, end, axes]);
}

function block(net: Net, i: number, x: string, mask: string, size: GptSize): string {
  const { width, layers } = size;
  const module = `transformer.h.${i}`;
  const scope = `/transformer/h.${i}`;
  // what ends a residual branch is smaller, so that their sum does not grow (GPT-2, section 2.3)
  const last = 0.02 / Math.sqrt(2 * layers);
  const normal = layerNorm(net, `${scope}/ln_1`, `${module}.ln_1`, x, width);
  const mixed = attention(net, `${scope}/attn`, `${module}.attn`, normal, mask, size, last);
  const middle = net.node(scope, 'Add', [x, mixed]);
  const second = layerNorm(net, `${scope}/ln_2`, `${module}.ln_2`, middle, width);
  const mlp = `${scope}/mlp`;
  const wide = linear(net, `${mlp}/c_fc`, `${module}.mlp.c_fc`, second, [width, 4 * width], 0.02);
  const active = geluTanh(net, `${mlp}/act`, wide);
  const ends = [4 * width, width] as const;
  const y = linear(net, `${mlp}/c_proj`, `${module}.mlp.c_proj`, active, ends, last);
  return net.node(scope, 'Add', [middle, y]);
}

function attention(
  net: Net,
  scope: string,
  module: string,
  x: string,
  mask: string,
  { width, heads }: GptSize,
  last: number,
): string {
  const qkv = linear(net, `${scope}/c_attn`, `${module}.c_attn`, x, [width, 3 * width], 0.02);
  const sizes = net.constant(scope, [width, width, width], 'int64');
  const q = net.node(scope, 'Split', [qkv, sizes], { axis: 2 }, 3);
  const [k, v] = [1, 2].map((i) => q.replace(/_0$/, `_${i}`)) as [string, string];
  const query = splitHeads(net, scope, q, heads, width);
  const key = splitHeads(net, scope, k, heads, width, [0, 2, 3, 1]);
  const value = splitHeads(net, scope, v, heads, width);
  const scores = net.node(scope, 'MatMul', [query, key]);
  const root = net.constant(scope, Math.sqrt(width / heads), 'float32');
  const scaled = net.node(scope, 'Div', [scores, root]);
  const lowest = net.constant(scope, -3.4028234663852886e38, 'float32');
  const masked = net.node(scope, 'Where', [mask, scaled, lowest]);
  const weights = net.node(scope, 'Softmax', [masked], { axis: -1 });
  const merged = mergeHeads(net, scope, net.node(scope, 'MatMul', [weights, value]), width);
  return linear(net, `${scope}/c_proj`, `${module}.c_proj`, merged, [width, width], last);
}
