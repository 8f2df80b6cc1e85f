/** What x86 without VNNI makes of a model: layers whose sums of pairs can clip. */
import type { Model } from '../../onnx';
import type { Finding } from '../../results';
import { optimizedGraph } from '../../runtime/optimized';
import { serializeModel } from '../../onnx';
import { pairLayers } from '../without-vnni';
import { Findings } from './finding';

/** Names every kernel of the runtime's optimized graph that some inputs make clip. Throws `model.does-not-load`. */
export async function checkX86Avx2(model: Model): Promise<Finding[]> {
  const optimized = await optimizedGraph(model.file ?? serializeModel(model));
  const nodes = new Map(
    optimized.graph.node.map((node) => [node.name || (node.output[0] ?? ''), [node]]),
  );
  const findings = new Findings();
  for (const [name, { channels, canClip }] of pairLayers(optimized, nodes))
    if (canClip > 0)
      findings.add({
        code: 'can-clip',
        severity: 'warning',
        node: name,
        message: `${canClip} of ${channels} channels of '${name}' clip for some inputs on x86 without VNNI.`,
        remedy:
          'Quantize the float model with target: x86-avx2, or open this one there with session.x64quantprecision = 1.',
      });
  return findings.list;
}
