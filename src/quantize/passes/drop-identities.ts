import { GraphIndex, type Model } from '../../onnx';
import type { PassContext } from '../context';

/**
 * Takes `Identity` and inference-time `Dropout` out. Does nothing where a graph output would lose its name, or would get
 * readers inside the model: onnxruntime 1.30 crashes over a Transpose that is an output and read by a Gemm.
 */
export function dropIdentities(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  index.batch(() => {
    for (const node of [...model.graph.node]) {
      if (node.domain !== '') continue;
      const input = node.input[0];
      if (input === undefined) continue;
      const dropout = node.opType === 'Dropout' && (node.input[2] ?? '') === '';
      if (node.opType !== 'Identity' && !dropout) continue;
      if (node.output.slice(1).some((o) => index.consumers(o).length > 0 || index.isGraphOutput(o)))
        continue;
      if (index.isGraphOutput(node.output[0]!) && index.consumers(input).length > 1) continue;
      const producer = index.producer(input);
      if (!index.bypass(node, input)) continue;
      if (producer) context.absorb(node.name, producer.name);
    }
  });
}
