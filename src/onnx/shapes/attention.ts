/** Attention, ONNX's and onnxruntime's. */
import type { ElementType } from '../schema';
import { value, type Dim, type Rule, type RuleNode, type Value } from './types';

function sum(a: Dim | undefined, b: Dim | undefined): number | null {
  return typeof a === 'number' && typeof b === 'number' ? a + b : null;
}

function divided(a: Dim | undefined, by: number): number | null {
  return typeof a === 'number' && by > 0 ? a / by : null;
}

/** https://onnx.ai/onnx/operators/onnx__Attention.html */
const attention: Rule = (n) => {
  const [q, k, v] = [n.input(0).shape, n.input(1).shape, n.input(2).shape];
  const { type } = n.input(0);
  if (!q || !k || !v) return [value(type, null)];
  const heads = n.int('q_num_heads', 0);
  const keyHeads = n.int('kv_num_heads', 0);
  const flat = q.length === 3;
  const [batch, rows] = [q[0]!, flat ? q[1]! : q[2]!];
  const size = flat ? divided(v[2], keyHeads) : v[3]!;
  const out: Dim[] = flat
    ? [batch, rows, typeof size === 'number' ? size * heads : null]
    : [batch, q[1]!, rows, size];
  const past = n.has(4) ? (n.input(4).shape?.[2] ?? null) : 0;
  const keys = flat ? k[1]! : k[2]!;
  const total = sum(past, keys);
  const kHeads = flat ? keyHeads : k[1]!;
  return [
    value(type, out),
    value(n.input(1).type, [batch, kHeads, total, flat ? divided(k[2], keyHeads) : k[3]!]),
    value(n.input(2).type, [batch, kHeads, total, size]),
    value(type, [batch, flat ? heads : q[1]!, rows, total]),
  ];
};

/** com.microsoft Attention (packed Q, K, V): [batch, rows, size of V], and K and V with those of the past. */
const packedAttention: Rule = (n) => packed(n, n.input(0).type, 4);

/** com.microsoft QAttention: the same of codes; its bias is float, its past the ninth input. */
const quantizedAttention: Rule = (n) => packed(n, n.input(2).type, 8);

/** @param past its slot */
function packed(n: RuleNode, type: ElementType, past: number): Value[] {
  const [x, w] = [n.input(0).shape, n.input(1).shape];
  if (x?.length !== 3) return [value(type, null)];
  const sizes = n.ints('qkv_hidden_sizes');
  const width = sizes ? (sizes[2] ?? null) : divided(w?.[1], 3);
  const heads = n.int('num_heads', 0);
  const rows = n.has(past) ? sum(n.input(past).shape?.[3], x[1]) : x[1]!;
  const present = [2, x[0]!, heads, rows, divided(width, heads)];
  return [value(type, [x[0]!, x[1]!, width]), value(type, present)];
}

/**
 * com.microsoft MultiHeadAttention with Q, K and V apart: [batch, rows, size of V], and K and V by head, with those of
 * the past. K and V of four axes are by head already, and whole.
 */
const multiHeadAttention: Rule = (n) => {
  const [q, k, v] = [n.input(0).shape, n.input(1).shape, n.input(2).shape];
  const { type } = n.input(0);
  if (q?.length !== 3 || !k || !v) return [value(type, null)];
  const heads = n.int('num_heads', 0);
  if (v.length === 4) return [value(type, [...q]), value(type, k), value(type, v)];
  const rows = n.has(6) ? sum(n.input(6).shape?.[2], k[1]) : k[1]!;
  const present = (size: Dim | undefined) =>
    value(type, [q[0]!, heads, rows, divided(size, heads)]);
  return [value(type, [q[0]!, q[1]!, v[2]!]), present(k[2]), present(v[2])];
};

export const attentionRules: Record<string, Rule> = {
  Attention: attention,
  'com.microsoft:Attention': packedAttention,
  'com.microsoft:QAttention': quantizedAttention,
  'com.microsoft:MultiHeadAttention': multiHeadAttention,
};
