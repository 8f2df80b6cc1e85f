/** QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. */
import { isDefaultDomain, tensorType, type NodeProto } from '../../onnx';
import type { Rule } from './rule';
import { layoutOf, type Workshop } from './workshop';

/** The quantizer goes: whoever can, reads what it read. */
const quantize: Rule = (node, w) => {
  const [x, scale, zeroPoint = ''] = node.input as [string, string, string?];
  w.quantized(node.output[0]!, w.now(x), { scale, zeroPoint, ...layoutOf(node) });
  return true;
};

/** Codes of a constant are worked out; those of a quantizer are what it read; others stay to be dequantized. */
const dequantize: Rule = (node, w) => {
  const [x, scale, zeroPoint = ''] = node.input as [string, string, string?];
  const known = w.constant(x) !== undefined || w.codesOf(x) !== undefined;
  const value = known ? w.operand(x, scale, zeroPoint, layoutOf(node)) : null;
  if (value === null) return false;
  w.alias(node.output[0]!, value);
  return true;
};

/**
 * What is quantized while the model runs: the values themselves serve as codes, with a scale of one, where all
 * that is done with them is a product of integers, made float and scaled.
 */
const dynamic: Rule = (node, w) => {
  const [codes, scale, zeroPoint] = node.output as [string, string, string];
  if (!onlyProducts(w, codes, zeroPoint, scale)) return false;
  const { one, zero } = w.unit('uint8');
  w.alias(scale, one);
  w.alias(zeroPoint, zero);
  w.setCodes(codes, {
    value: w.now(node.input[0]!),
    scale: one,
    zeroPoint: zero,
    axis: 1,
    blockSize: 0,
  });
  return true;
};

const PRODUCTS = new Set(['MatMulInteger', 'ConvInteger']);

function onlyProducts(w: Workshop, codes: string, zeroPoint: string, scale: string): boolean {
  const { index } = w;
  const readers = index.consumers(codes);
  const takes = (reader: NodeProto): boolean => {
    if (reader.opType === 'MatMulIntegerToFloat')
      return reader.input[2] === scale && reader.input[4] === zeroPoint;
    if (reader.opType === 'QAttention')
      return reader.input[3] === scale && reader.input[6] === zeroPoint;
    return (
      PRODUCTS.has(reader.opType) &&
      isDefaultDomain(reader.domain) &&
      reader.input[0] === codes &&
      reader.input[2] === zeroPoint &&
      isProduct(w, reader)
    );
  };
  if ([codes, zeroPoint, scale].some((name) => index.isGraphOutput(name))) return false;
  if (readers.length === 0 || !readers.every(takes)) return false;
  const scaled = index.consumers(scale).every((r) => readers.includes(r) || r.opType === 'Mul');
  return scaled && index.consumers(zeroPoint).every((r) => readers.includes(r));
}

/** A product of integers whose weights are constants, and whose result is made float at once. */
export function isProduct(w: Workshop, node: NodeProto): boolean {
  const [product] = node.output as [string];
  const readers = w.index.consumers(product);
  const made = readers.every((r) => {
    const to = r.opType === 'Cast' ? r.attribute.find((a) => a.name === 'to')?.i : undefined;
    return to === 1n;
  });
  const weights = w.constant(node.input[1]);
  return (
    !w.index.isGraphOutput(product) &&
    made &&
    weights !== undefined &&
    /^u?int8$/.test(tensorType(weights)) &&
    w.zeroPoints(node.input[3] ?? '') !== undefined
  );
}

export const linearRules: Record<string, Rule> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamic,
};
