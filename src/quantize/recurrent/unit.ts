import type { NodeProto } from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import type { SequenceSizes } from './expand';

/** The key under which a recurrent layer's hidden state has its quantization parameters; no tensor is called like it. */
export function hiddenKey(node: NodeProto): string {
  return `${node.name}\nhidden state`;
}

/** Tensors whose values the recurrent product reads: every hidden state, and the one that a sequence begins with. */
export function hiddenTensors(node: NodeProto): string[] {
  return [node.output[0], node.input[5]].flatMap((name) => (name ? [name] : []));
}

/** Length and batch of a layer's input [time, batch, inputs], where the shapes say them. */
export function sequenceSizes(
  shapes: ReadonlyMap<string, TensorInfo>,
  node: NodeProto,
): SequenceSizes {
  const shape = shapes.get(node.input[0]!)?.shape;
  const size = (axis: number) => {
    const d = shape?.[axis];
    return typeof d === 'number' ? d : null;
  };
  return { steps: size(0), batch: size(1) };
}
