import type { GraphIndex } from '../onnx';
import { intAttribute, intsAttribute, stringAttribute, tensorDims } from '../onnx';
import type { Unit } from '../quantize/units';

/** What a layer is, for people: `Conv 3×3 depthwise`, `Gemm 64→10`, `LSTM 10→32`, `Mul in an LSTM cell`. */
export function layerKind(index: GraphIndex, unit: Unit): string {
  return words(ownKind(index, unit), unit.cell ? `in ${ARTICLE[unit.cell.op]} cell` : '');
}

const ARTICLE = { LSTM: 'an LSTM', GRU: 'a GRU' };

function ownKind(index: GraphIndex, unit: Unit): string {
  const { node, op, sourceOp } = unit;
  const constant = index.initializer(node.input[unit.weight?.slot ?? 1] ?? '');
  const dims = constant ? tensorDims(constant) : [];
  const attribute = (name: string) => intAttribute(node, name, 0) !== 0;
  switch (op) {
    case 'Conv':
    case 'ConvTranspose': {
      const window = intsAttribute(node, 'kernel_shape') ?? dims.slice(2);
      return words(op, size(window), grouping(intAttribute(node, 'group', 1), dims[1]));
    }
    case 'Gemm':
      if (dims.length !== 2) return sourceOp;
      return attribute('transB')
        ? arrow(sourceOp, dims[1], dims[0])
        : arrow(sourceOp, dims[0], dims[1]);
    case 'MatMul':
      return unit.weight && dims.length >= 2 ? arrow(op, dims.at(-2), dims.at(-1)) : op;
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const hidden = intAttribute(node, 'hidden_size', 0) || undefined;
      const both = stringAttribute(node, 'direction', 'forward') === 'bidirectional';
      return words(arrow(op, dims[2], hidden), both ? 'bidirectional' : '');
    }
    case 'Gather':
      return unit.weight ? words('Embedding', size(dims)) : op;
    case 'MaxPool':
    case 'AveragePool':
    case 'LpPool':
      return words(op, size(intsAttribute(node, 'kernel_shape') ?? []));
    default:
      return op;
  }
}

function words(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

/** `3×3`; a window of one axis alone is written `3`. */
function size(dims: readonly number[]): string {
  return dims.join('×');
}

function grouping(groups: number, perGroup: number | undefined): string {
  if (groups <= 1) return '';
  return perGroup === 1 ? 'depthwise' : `in ${groups} groups`;
}

function arrow(op: string, from: number | undefined, to: number | undefined): string {
  return from === undefined || to === undefined ? op : `${op} ${from}→${to}`;
}
