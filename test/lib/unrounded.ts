import { GraphIndex, makeNode, makeTensor, tensorData, type Model } from '../../src/onnx';
import { copyMessage } from '../../src/onnx/copy';
import type { Unit } from '../../src/quantize/units';

/**
 * Takes the quantizer out of a written model that follows a layer's own output, in place. What the writer left to it stays:
 * the activation that its range does, and the scales of channels that its kernel writes in (`codes · s` is `y · s_channel / s`).
 */
export function takeOutOutputQuantizer(model: Model, unit: Unit): void {
  const index = new GraphIndex(model.graph);
  const floats = (name: string) =>
    Array.from(tensorData(index.initializer(name)!) as ArrayLike<number>);
  for (const quantize of model.graph.node.filter((n) => n.opType === 'QuantizeLinear')) {
    const made = index.producer(quantize.input[0]!);
    if (!made || unit.inputs.includes(quantize.input[0]!)) continue;
    const [read] = index.consumers(quantize.output[0]!);
    const scale = floats(quantize.input[1]!);
    const ratios = floats(read!.input[1]!).map((s, c) => s / scale[scale.length > 1 ? c : 0]!);
    const dims = ratios.length > 1 ? [ratios.length, 1, 1] : [];
    const name = `${unit.name}.ratios`;
    index.addInitializer(makeTensor(name, 'float32', dims, Float32Array.from(ratios)));
    let from = quantize.input[0]!;
    const put = (node: ReturnType<typeof makeNode>) => {
      index.insertNode(node);
      from = node.output[0]!;
    };
    const scaled = `${unit.name}.scaled`;
    put(makeNode({ opType: 'Mul', inputs: [from, name], outputs: [scaled] }));
    const { activation } = unit;
    if (activation && !model.graph.node.some((n) => n.name === activation.name)) {
      const copy = copyMessage(activation);
      copy.input[0] = from;
      copy.output = [`${unit.name}.activated`];
      put(copy);
    }
    index.replaceUses(read!.output[0]!, from);
    if (index.isGraphOutput(read!.output[0]!))
      throw new Error(`The codes of '${unit.name}' are the model's own output.`);
  }
  index.dropDeadNodes();
}
