import { integerValues, intsAttribute, makeNode, type GraphIndex, type NodeProto } from '../onnx';
import type { QuantizedInput } from './dynamic-product';
import { zeroPointTensor } from './parameters';
import { whyNotWeights, type ConstantWriter, type WeightSettings } from './weights';

const CONTRIB = 'com.microsoft';

/** Inputs of com.microsoft.Attention. */
const SLOT = { x: 0, weight: 1, bias: 2, mask: 3, past: 4, scoreBias: 5, pastLength: 6 } as const;

/** Why an Attention with packed weights has no integer form, or null. */
export function whyNotAttention(index: GraphIndex, node: NodeProto): string | null {
  const unfit = whyNotWeights(index, node, [SLOT.weight]);
  if (unfit !== null) return unfit;
  if (!node.input[SLOT.bias]) return 'QAttention cannot do without a bias';
  if (node.input[SLOT.scoreBias]) return 'QAttention adds no bias to the scores';
  if (node.input[SLOT.pastLength]) return 'QAttention takes no length of the past';
  const sizes = intsAttribute(node, 'qkv_hidden_sizes');
  if (sizes && new Set(sizes).size > 1)
    return `QAttention needs Q, K and V of one size; here they have ${sizes.join(', ')}`;
  return null;
}

/**
 * com.microsoft.QAttention: the packed product in integers; scores, Softmax and the product with V stay float. Weights
 * [inputs, 3 · hidden] are int8 with one scale for every column, or one.
 * @param quantized the uint8 codes of a tensor that the node reads @returns the scales of the weights
 */
export function replaceAttention(
  index: GraphIndex,
  writer: ConstantWriter,
  node: NodeProto,
  settings: WeightSettings,
  quantized: (tensor: string) => QuantizedInput,
): Float32Array {
  const [x, tensor] = [node.input[SLOT.x]!, node.input[SLOT.weight]!];
  const scales = writer.scales(tensor, 1, settings, null, null);
  const weight = writer.weight(tensor, 1, settings, scales);
  const bias = node.input[SLOT.bias]!;
  index.removeNode(node);
  const { codes, scale, zero } = quantized(x);
  const mask = node.input[SLOT.mask] ?? '';
  const past = node.input[SLOT.past] ?? '';
  index.insertNode(
    makeNode({
      opType: 'QAttention',
      domain: CONTRIB,
      name: node.name,
      inputs: [
        ...[codes, weight.codes, bias, scale, weight.scale, mask, zero, weight.zeroPoint],
        ...(past === '' ? [] : [past]),
      ],
      outputs: node.output,
      attributes: node.attribute.filter(
        ({ name }) => name !== 'qkv_hidden_sizes' && name !== 'rotary_embedding_dim',
      ),
    }),
  );
  return scales;
}

/**
 * Codes of a tensor that comes out of a DequantizeLinear with one scale, as QAttention takes them. Signed ones are written
 * again with a zero point 128 higher: the same numbers.
 */
export function codesBehind(
  index: GraphIndex,
  dequantized: string,
  type: 'uint8' | 'int8',
): QuantizedInput {
  const [codes, scale, zero] = index.producer(dequantized)!.input as [string, string, string];
  if (type === 'uint8') return { codes, scale, zero };
  const shifted = integerValues(index.initializer(zero)!).map((z) => Number(z) + 128);
  const name = index.freshName(`${zero}_unsigned`);
  const unsigned = index.addInitializer(zeroPointTensor(name, [], 'uint8', shifted));
  const output = index.freshName(`${codes}_unsigned`);
  index.insertNode(
    makeNode({
      opType: 'QuantizeLinear',
      name: index.freshName(`${output}/QuantizeLinear`),
      inputs: [dequantized, scale, unsigned],
      outputs: [output],
    }),
  );
  return { codes: output, scale, zero: unsigned };
}
