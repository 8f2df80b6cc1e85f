/** What fixed point asks of a Q/DQ model: power-of-two scales around zero. */
import type { Model } from '../../onnx';
import type { Finding } from '../../results';
import { Findings } from './finding';
import { QdqGraph } from './qdq-graph';

/** Names every quantizer whose scale is no power of two, or whose zero point is not 0. */
export function checkFpgaFixed(model: Model): Finding[] {
  const graph = new QdqGraph(model);
  const findings = new Findings();
  const remedy = 'Quantize it with scales that are powers of two and zero points of 0.';
  for (const node of graph.nodes) {
    if (!graph.isQuantize(node) && !graph.isDequantize(node)) continue;
    const { scales, zeroPoints } = graph.quantizer(node);
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
    if (zeroPoints.some((z) => z !== 0))
      findings.add({
        ...at,
        code: 'zero-point',
        message: `'${name}' has a zero point other than 0.`,
      });
  }
  return findings.list;
}
