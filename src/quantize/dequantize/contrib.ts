/** onnxruntime's own operators that hold quantized weights and compute with floats around them. */
import { intAttribute, tensorData, tensorDims, tensorType, type NodeProto } from '../../onnx';
import { codeValues, dequantized, floatValues, unpack } from './constants';
import type { Rule } from './rule';
import type { Workshop } from './workshop';

const columns = { axis: 1, blockSize: 0 };

/** A product with a constant, and a bias if there is one. */
function product(node: NodeProto, w: Workshop, a: string, weight: string, bias: string): void {
  const output = node.output[0]!;
  if (bias === '') {
    w.add('MatMul', [a, weight], [], node.name, output);
    return;
  }
  const plain = w.add('MatMul', [a, weight], [], node.name);
  w.add('Add', [plain, w.now(bias)], [], w.fresh(`${node.name}/bias`), output);
}

/** com.microsoft.DynamicQuantizeMatMul: A, B, b_scale, b_zero_point, bias. */
const dynamicMatMul: Rule = (node, w) => {
  const [a, b, bs, bz = '', bias = ''] = node.input as [string, string, string, string?, string?];
  const weight = w.constant(b) ? w.floatConstant(b, bs, bz, columns) : null;
  if (weight === null) return false;
  product(node, w, w.now(a), weight, bias);
  return true;
};

/** com.microsoft.MatMulIntegerToFloat: A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias. */
const integerToFloat: Rule = (node, w) => {
  const [a, b, as, bs, az = '', bz = '', bias = ''] = node.input as [string, ...string[]];
  const weight = w.constant(b) ? w.floatConstant(b!, bs!, bz, columns) : null;
  if (weight === null) return false;
  const values = w.operand(a, w.now(as!), az === '' ? '' : w.now(az));
  if (values === null) return false;
  product(node, w, values, weight, bias);
  return true;
};

/**
 * com.microsoft.MatMulNBits: B is [N, K / block, block · bits / 8], its scales [N, K / block], zero points packed like B
 * (or of the type of A); without them the middle code.
 */
const nBits: Rule = (node, w) => {
  const [a, b, scaleName, zeroName = '', order = '', bias = ''] = node.input as [
    string,
    ...string[],
  ];
  const [K, N, bits, block] = ['K', 'N', 'bits', 'block_size'].map((name) =>
    intAttribute(node, name, name === 'bits' ? 4 : 0),
  ) as [number, number, number, number];
  const [proto, scales] = [w.constant(b), w.scales(scaleName!)];
  if (!proto || !scales || order !== '' || ![2, 4, 8].includes(bits)) return false;
  const blocks = Math.ceil(K / block);
  const zeros = zeroPointsOf(w, zeroName, N, blocks, bits);
  if (!zeros) return false;
  const codes = unpack(
    tensorData(proto, w.model.dir) as Uint8Array,
    N * blocks * block,
    bits,
    false,
  );
  const values = new Float32Array(K * N);
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) {
      const at = n * blocks + Math.floor(k / block);
      values[k * N + n] = (codes[n * blocks * block + k]! - zeros[at]!) * scales[at]!;
    }
  const type = tensorType(w.constant(scaleName)!);
  product(node, w, w.now(a), w.float(`${b}_value`, [K, N], values, type), bias);
  return true;
};

/** Zero points of every block; rows begin at whole bytes. */
function zeroPointsOf(
  w: Workshop,
  name: string,
  rows: number,
  blocks: number,
  bits: number,
): ArrayLike<number> | null {
  if (name === '') return new Float32Array(rows * blocks).fill(2 ** (bits - 1));
  const proto = w.constant(name);
  if (!proto) return null;
  const floats = floatValues(proto, w.model.dir);
  if (floats) return floats;
  const bytes = tensorData(proto, w.model.dir) as Uint8Array;
  const perRow = Math.ceil((blocks * bits) / 8);
  const zeros = new Int32Array(rows * blocks);
  for (let r = 0; r < rows; r++)
    zeros.set(
      unpack(bytes.subarray(r * perRow, (r + 1) * perRow), blocks, bits, false),
      r * blocks,
    );
  return zeros;
}

/** com.microsoft.GatherBlockQuantized: data, indices, scales, zero points; uint8 data holds two 4-bit codes. */
const gatherBlocks: Rule = (node, w) => {
  const [data, indices, scaleName, zeroName = ''] = node.input as [string, ...string[]];
  const [proto, scales] = [w.constant(data), w.scales(scaleName!)];
  if (!proto || !scales) return false;
  const bits = intAttribute(node, 'bits', 4);
  const packed = tensorType(proto) === 'uint8' && bits < 8;
  const dims = tensorDims(proto);
  if (packed) dims[dims.length - 1]! *= 8 / bits;
  const count = dims.reduce((a, b) => a * b, 1);
  const read = (name: string, total: number) => {
    const tensor = w.constant(name);
    if (!tensor) return null;
    return packed && tensorType(tensor) === 'uint8'
      ? unpack(tensorData(tensor, w.model.dir) as Uint8Array, total, bits, false)
      : codeValues(tensor, w.model.dir);
  };
  const codes = read(data, count);
  const middle = packed || tensorType(proto) === 'uint8' ? 2 ** (bits - 1) : 0;
  const zeros = zeroName
    ? read(zeroName, scales.length)
    : new Int32Array(scales.length).fill(middle);
  const layout = {
    axis: intAttribute(node, 'quantize_axis', 1),
    blockSize: intAttribute(node, 'block_size', 128),
  };
  const values = codes && zeros && dequantized(codes, dims, scales, zeros, layout);
  if (!values) return false;
  const table = w.float(`${data}_value`, dims, values, tensorType(w.constant(scaleName)!));
  const axis = node.attribute.filter((a) => a.name === 'gather_axis');
  const attributes = axis.map((a) => ({ ...a, name: 'axis' }));
  w.add('Gather', [table, w.now(indices!)], attributes, node.name, node.output[0]);
  return true;
};

/**
 * com.microsoft.DynamicQuantizeLSTM: W and R are [directions, inputs, 4 · hidden], transposed from LSTM's; scales are one a
 * direction or one a gate.
 */
const lstm: Rule = (node, w) => {
  const w1 = gates(w, node.input[1]!, node.input[8]!, node.input[9] ?? '');
  const r1 = gates(w, node.input[2]!, node.input[10]!, node.input[11] ?? '');
  if (w1 === null || r1 === null) return false;
  const rest = node.input.slice(3, 8).map((name) => (name === '' ? '' : w.now(name)));
  const [y, ...others] = node.output;
  w.add('LSTM', [w.now(node.input[0]!), w1, r1, ...rest], [...node.attribute], node.name, y);
  w.nodes.at(-1)!.output.push(...others);
  return true;
};

function gates(w: Workshop, name: string, scaleName: string, zeroName: string): string | null {
  const [proto, scales, zeros] = [w.constant(name), w.scales(scaleName), w.zeroPoints(zeroName)];
  const codes = proto && codeValues(proto, w.model.dir);
  if (!proto || !codes || !scales || zeros === undefined) return null;
  const [directions, inputs, width] = tensorDims(proto) as [number, number, number];
  const perGate = scales.length === directions * width;
  if (!perGate && scales.length !== directions) return null;
  const values = new Float32Array(codes.length);
  for (let d = 0; d < directions; d++)
    for (let i = 0; i < inputs; i++)
      for (let g = 0; g < width; g++) {
        const s = perGate ? d * width + g : d;
        const q = codes[(d * inputs + i) * width + g]! - (zeros?.[s] ?? 0);
        values[(d * width + g) * inputs + i] = q * scales[s]!;
      }
  return w.float(`${name}_value`, [directions, width, inputs], values);
}

/** com.microsoft.QAttention: input, weights, bias, input scale, weight scale, mask, input zero, weight zero, past. */
const qAttention: Rule = (node, w) => {
  const [x, weight, bias, xs, ws, mask = '', xz = '', wz = '', past = ''] = node.input as [
    ...[string, string, string, string, string],
    ...string[],
  ];
  const float = w.constant(weight) ? w.floatConstant(weight, ws, wz, columns) : null;
  if (float === null) return false;
  const values = w.operand(x, w.now(xs), xz === '' ? '' : w.now(xz));
  if (values === null) return false;
  const rest = [mask, past].map((name) => (name === '' ? '' : w.now(name)));
  const inputs = [values, float, w.now(bias), ...rest];
  const domain = 'com.microsoft';
  const [y, ...others] = node.output;
  w.add('Attention', inputs, [...node.attribute], node.name, y, domain);
  w.nodes.at(-1)!.output.push(...others);
  return true;
};

export const contribRules: Record<string, Rule> = {
  'com.microsoft:DynamicQuantizeMatMul': dynamicMatMul,
  'com.microsoft:MatMulIntegerToFloat': integerToFloat,
  'com.microsoft:MatMulNBits': nBits,
  'com.microsoft:GatherBlockQuantized': gatherBlocks,
  'com.microsoft:DynamicQuantizeLSTM': lstm,
  'com.microsoft:QAttention': qAttention,
};
