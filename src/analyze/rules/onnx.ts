/** What the target `onnx` promises: operators of ONNX alone. */
import { allNodes, isDefaultDomain, type Model } from '../../onnx';
import type { Finding } from '../../results';
import { Findings } from './finding';

/** Names every node whose operator is not ONNX's own or of `ai.onnx.ml`. */
export function checkOnnx(model: Model): Finding[] {
  const findings = new Findings();
  const functions = new Set(model.proto.functions.map((f) => `${f.domain}.${f.name}`));
  for (const node of allNodes(model.graph)) {
    if (isDefaultDomain(node.domain) || node.domain === 'ai.onnx.ml') continue;
    if (functions.has(`${node.domain}.${node.opType}`)) continue;
    findings.add({
      code: 'foreign-operator',
      severity: 'error',
      node: node.name || (node.output[0] ?? ''),
      message: `${node.domain}.${node.opType} is no operator of ONNX: other runtimes need not have it.`,
      remedy: 'Quantize the float model with target: onnx.',
    });
  }
  return findings.list;
}
