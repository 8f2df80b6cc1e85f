import { toBinary } from '@bufbuild/protobuf';
import { intAttribute, isExternal, tensorBytes, tensorType, type Model } from '../onnx';
import { NodeProtoSchema } from '../onnx/gen/onnx_pb';
import type { ByteBudget } from '../results';

/**
 * Where the bytes of a written model are. @param fp32 bytes of the source file, and @param int8 of the written one, both
 * with their external data. The parts add up to `int8`; empty ones are left out.
 */
export function byteBudget(fp32: number, written: Model, int8: number): ByteBudget {
  const { graph } = written;
  const roles = constantRoles(written);
  const halves = new Set<string>();
  const sums = { int8: 0, int4: 0, half: 0, float: 0, bias: 0, parameters: 0, shapes: 0 };
  for (const tensor of graph.initializer) {
    const bytes = tensorBytes(tensor) + (isExternal(tensor) ? 0 : tensor.name.length);
    const type = tensorType(tensor);
    const role = roles.get(tensor.name);
    if (role === 'parameters') sums.parameters += bytes;
    else if (role === 'bias') sums.bias += bytes;
    else if (role === 'int4' || /^u?int4$/.test(type)) sums.int4 += bytes;
    else if (/^u?int[248]$/.test(type)) sums.int8 += bytes;
    else if (/^b?float16$/.test(type)) {
      sums.half += bytes;
      halves.add(type);
    } else if (/^b?float/.test(type)) sums.float += bytes;
    else sums.shapes += bytes;
  }
  const nodes = graph.node.reduce((n, node) => n + toBinary(NodeProtoSchema, node).length, 0);
  const { metadataProps } = written.proto;
  const metadata = metadataProps.reduce((n, e) => n + e.key.length + e.value.length, 0);
  const known = Object.values(sums).reduce((a, b) => a + b, 0) + nodes + metadata;
  const parts = [
    { what: 'INT8 weights', bytes: sums.int8 },
    { what: 'INT4 weights', bytes: sums.int4 },
    { what: `${[...halves].sort().join(' and ')} weights`, bytes: sums.half },
    { what: 'float weights', bytes: sums.float },
    { what: 'biases', bytes: sums.bias },
    { what: 'scales and zero points', bytes: sums.parameters },
    { what: 'shapes and indices', bytes: sums.shapes },
    { what: 'nodes', bytes: nodes },
    { what: 'metadata', bytes: metadata },
    // headers of tensors, declared inputs and outputs
    { what: 'other structure', bytes: Math.max(0, int8 - known) },
  ];
  return { fp32, int8, parts: parts.filter(({ bytes }) => bytes > 0) };
}

type Role = 'parameters' | 'bias' | 'int4';

/** Slots of scales and zero points, and of biases, by operator. */
const SLOTS: Readonly<Record<string, { parameters: number[]; bias?: number }>> = {
  QuantizeLinear: { parameters: [1, 2] },
  DequantizeLinear: { parameters: [1, 2] },
  DynamicQuantizeMatMul: { parameters: [2, 3], bias: 4 },
  MatMulNBits: { parameters: [2, 3], bias: 5 },
  GatherBlockQuantized: { parameters: [2, 3] },
  QAttention: { parameters: [3, 4, 6, 7], bias: 2 },
  DynamicQuantizeLSTM: { parameters: [8, 9, 10, 11], bias: 3 },
  Conv: { parameters: [], bias: 2 },
  ConvTranspose: { parameters: [], bias: 2 },
  Gemm: { parameters: [], bias: 2 },
  LSTM: { parameters: [], bias: 3 },
  GRU: { parameters: [], bias: 3 },
};

/** Operators whose weights are bytes that may hold two codes each. */
const PACKED = new Set(['MatMulNBits', 'GatherBlockQuantized']);

/** What each constant is to its readers; weights have no entry. */
function constantRoles(model: Model): Map<string, Role> {
  const roles = new Map<string, Role>();
  // results that are a constant in another shape or type, or some of its rows
  const views = new Map<string, string>();
  const constantOf = (name: string): string => {
    const source = views.get(name);
    return source === undefined ? name : constantOf(source);
  };
  for (const node of model.graph.node) {
    if (['DequantizeLinear', 'Reshape', 'Gather'].includes(node.opType))
      views.set(node.output[0] ?? '', node.input[0] ?? '');
    const slots = SLOTS[node.opType];
    for (const slot of slots?.parameters ?? []) {
      const name = node.input[slot];
      if (name) roles.set(constantOf(name), 'parameters');
    }
    if (PACKED.has(node.opType) && intAttribute(node, 'bits', 4) === 4) {
      const slot = node.opType === 'MatMulNBits' ? 1 : 0;
      roles.set(constantOf(node.input[slot] ?? ''), 'int4');
    }
    const bias = slots?.bias === undefined ? undefined : node.input[slots.bias];
    if (bias) roles.set(constantOf(bias), 'bias');
  }
  return roles;
}
