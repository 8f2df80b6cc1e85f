import { GraphIndex, type Model } from '../onnx';

/**
 * QuantizeLinear nodes of a graph whose codes nobody computes with: all that reads them dequantizes at once. In the
 * graph that the runtime executes such a pair stands between two float operators, costs time and precision, and gains
 * nothing. Codes that are an output of the model are wanted by whoever runs it.
 * @returns names of the QuantizeLinear nodes, or of their results where they have none
 */
export function needlessPairs(optimized: Model): string[] {
  const index = new GraphIndex(optimized.graph);
  return optimized.graph.node.flatMap((node) => {
    if (node.opType !== 'QuantizeLinear') return [];
    const codes = node.output[0]!;
    const readers = index.consumers(codes);
    if (index.isGraphOutput(codes) || readers.length === 0) return [];
    const needless = readers.every((reader) => reader.opType === 'DequantizeLinear');
    return needless ? [node.name || codes] : [];
  });
}
