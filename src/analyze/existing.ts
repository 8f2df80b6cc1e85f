import {
  bodiesOf,
  intAttribute,
  label,
  ScopedIndex,
  tensorType,
  type GraphIndex,
  type Model,
  type NodeProto,
} from '../onnx';
import { codeLimits, codeValues, floatValues } from '../quantize/dequantize/constants';
import { isQuantizing, quantizedFormat } from '../quantize/quantized-operators';
import type { ExistingQuantization, ExistingRange } from '../results';

/** Where an operator has codes: the slot of a tensor, of its scale and of its zero point; `out` is the first output. */
type Operand = readonly [tensor: number | 'out', scale: number, zeroPoint: number];

const UNARY: readonly Operand[] = [
  [0, 1, 2],
  ['out', 3, 4],
];
const BINARY: readonly Operand[] = [
  [0, 1, 2],
  [3, 4, 5],
  ['out', 6, 7],
];
const OPERANDS: Readonly<Record<string, readonly Operand[]>> = {
  QLinearConv: BINARY,
  QLinearMatMul: BINARY,
  QLinearAdd: BINARY,
  QLinearMul: BINARY,
  QGemm: [
    [0, 1, 2],
    [3, 4, 5],
    ['out', 7, 8],
  ],
  QLinearWhere: [
    [1, 2, 3],
    [4, 5, 6],
    ['out', 7, 8],
  ],
  QLinearLeakyRelu: UNARY,
  QLinearSigmoid: UNARY,
  QLinearSoftmax: UNARY,
  QLinearAveragePool: UNARY,
  QLinearGlobalAveragePool: UNARY,
  QLinearReduceMean: UNARY,
  DynamicQuantizeMatMul: [[1, 2, 3]],
  MatMulIntegerToFloat: [[1, 3, 5]],
  QAttention: [
    [0, 3, 6],
    [1, 4, 7],
  ],
  DynamicQuantizeLSTM: [
    [1, 8, 9],
    [2, 10, 11],
  ],
  MatMulNBits: [[1, 2, 3]],
  GatherBlockQuantized: [[0, 2, 3]],
};

/** What a file says of a quantization that it has been through; null for a model of floats. */
export function existingQuantization(model: Model): ExistingQuantization | null {
  const indexes = new ScopedIndex(model.graph);
  const graphs = [indexes.main, ...bodiesOf(model.graph).map((body) => indexes.of(body))];
  const operators = new Map<string, number>();
  const formats = new Set<ExistingQuantization['formats'][number]>();
  const rows = new Map<string, ExistingRange>();
  for (const index of graphs)
    for (const node of index.graph.node) {
      const format = quantizedFormat(node);
      if (!format) continue;
      formats.add(format);
      operators.set(node.opType, (operators.get(node.opType) ?? 0) + 1);
      for (const row of rowsOf(model, index, node))
        if (!rows.has(row.tensor)) rows.set(row.tensor, row);
    }
  if (operators.size === 0) return null;
  return {
    formats: [...formats],
    operators: [...operators].map(([op, count]) => ({ op, count })),
    tensors: [...rows.values()],
  };
}

function rowsOf(model: Model, index: GraphIndex, node: NodeProto): ExistingRange[] {
  if (node.opType === 'QuantizeLinear')
    return [row(model, index, node, node.input[0]!, node.output[0]!, 1, 2)];
  if (node.opType === 'DequantizeLinear') {
    const codes = node.input[0]!;
    const producer = index.producer(codes)?.opType;
    if (producer === 'QuantizeLinear') return []; // the Q has told it
    return [row(model, index, node, codes, codes, 1, 2)];
  }
  return (OPERANDS[node.opType] ?? []).flatMap(([slot, scale, zero]) => {
    const tensor = slot === 'out' ? node.output[0] : node.input[slot];
    return tensor && node.input[scale]
      ? [row(model, index, node, tensor, tensor, scale, zero)]
      : [];
  });
}

function row(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  tensor: string,
  codes: string,
  scaleSlot: number,
  zeroSlot: number,
): ExistingRange {
  const constant = index.initializer(codes);
  const scaleTensor = index.initializer(node.input[scaleSlot] ?? '');
  const zeroTensor = index.initializer(node.input[zeroSlot] ?? '');
  const scales = scaleTensor ? floatValues(scaleTensor, model.dir) : null;
  const zeros = zeroTensor ? codeValues(zeroTensor, model.dir) : null;
  const typed = constant ?? zeroTensor;
  const type = typed ? tensorType(typed) : 'uint8';
  const one = scales?.length === 1;
  const zeroPoint = one ? (zeros?.[0] ?? 0) : null;
  const limits = codeLimits(type);
  const range = (code: 'min' | 'max') =>
    one && limits && !constant ? (limits[code] - zeroPoint!) * scales[0]! : null;
  const blockSize = intAttribute(node, 'block_size', 0);
  return {
    tensor,
    role: constant ? (type === 'int32' ? 'bias' : 'weight') : 'activation',
    type,
    scale: one ? scales[0]! : null,
    zeroPoint,
    scales:
      scales && scales.length > 0
        ? {
            count: scales.length,
            min: scales.reduce((a, b) => Math.min(a, b)),
            max: scales.reduce((a, b) => Math.max(a, b)),
          }
        : null,
    axis: scales && scales.length > 1 ? intAttribute(node, 'axis', 1) : null,
    blockSize: blockSize > 0 ? blockSize : null,
    min: range('min'),
    max: range('max'),
    producer: producerOf(index, tensor),
    consumers: readersOf(index, codes),
  };
}

/** The nodes that read a tensor, seen through those that dequantize it. */
function readersOf(index: GraphIndex, tensor: string): string[] {
  return index
    .consumers(tensor)
    .flatMap((node) =>
      node.opType === 'DequantizeLinear' && node.output[0]
        ? readersOf(index, node.output[0])
        : [label(node)],
    );
}

/** The node that gives a tensor, seen through the quantizing ones. */
function producerOf(index: GraphIndex, tensor: string): string | null {
  const node = index.producer(tensor);
  if (!node) return null;
  const before = node.input[0] ?? '';
  return isQuantizing(node) && /^(De)?[Qq]uantizeLinear$/.test(node.opType)
    ? producerOf(index, before)
    : label(node);
}
