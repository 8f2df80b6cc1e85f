/** What fixed point asks of a Q/DQ model: signed codes with power-of-two scales around zero, one a tensor of activations. */
import type { Model } from '../../onnx';
import type { Finding } from '../../results';
import { Findings } from './finding';
import { QdqGraph } from './qdq-graph';

/**
 * Names every quantizer whose scale is no power of two, whose zero point is not 0, whose codes are not int8 (or int32, of a
 * bias), or that gives the channels of an activation scales of their own.
 */
export function checkFpgaFixed(model: Model): Finding[] {
  const graph = new QdqGraph(model);
  const findings = new Findings();
  const remedy = 'Quantize it with scales that are powers of two and zero points of 0.';
  for (const node of graph.nodes) {
    if (!graph.isQuantize(node) && !graph.isDequantize(node)) continue;
    const { scales, zeroPoints, type } = graph.quantizer(node);
    const constant = graph.isDequantize(node) && graph.isConstantDequantizer(node);
    const name = graph.nameOf(node);
    const at = { node: name, tensor: node.input[0]!, severity: 'error' as const, remedy };
    if (!scales)
      findings.add({
        ...at,
        code: 'scale-computed',
        message: `The scale of '${name}' is computed.`,
      });
    else if (scales.some((s) => !(s > 0) || !Number.isInteger(Math.log2(s))))
      findings.add({
        ...at,
        code: 'scale-no-power-of-two',
        message: `'${name}' has a scale that is no power of two.`,
      });
    if (type !== 'int8' && !(constant && type === 'int32'))
      findings.add({
        ...at,
        code: 'code-type',
        message: `Codes of '${name}' are ${type ?? 'of an unknown type'}: fixed point has int8, and int32 for biases.`,
      });
    // a kept layer reads one scale that is written once for every channel
    if (!constant && new Set(scales).size > 1)
      findings.add({
        ...at,
        code: 'scale-per-channel',
        message: `'${name}' gives the channels of an activation scales of their own.`,
        remedy: 'Quantize the activation with one scale.',
      });
    if (zeroPoints.some((z) => z !== 0))
      findings.add({
        ...at,
        code: 'zero-point',
        message: `'${name}' has a zero point other than 0.`,
      });
  }
  return findings.list;
}
