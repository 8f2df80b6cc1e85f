import type { NodeProto } from '../onnx';
import type { TensorInfo } from '../onnx/shapes';

/** What folding a BatchNormalization gains. */
export function batchNormGain(host: NodeProto): string {
  return `The BatchNorm goes into the weights of the ${host.opType} and costs nothing; unfolded it would run in float between two integer layers.`;
}

/** What a fused Relu or Clip gains. */
export function activationGain(
  activation: NodeProto,
  shapes: ReadonlyMap<string, TensorInfo>,
): string {
  const shape = shapes.get(activation.output[0] ?? '')?.shape;
  const values = shape
    ?.slice(1)
    .reduce<number | null>((n, d) => (n !== null && typeof d === 'number' ? n * d : null), 1);
  const pass = values
    ? `a pass over ${values.toLocaleString('en')} values`
    : 'a pass over the result';
  return `The ${activation.opType} saves ${pass}: in FP32 it runs in the convolution's kernel, in INT8 the range of the output's quantizer does it.`;
}

/** What onnxruntime makes of Conv → Add → Relu. */
export const addGain =
  "In FP32 the three run as one kernel; in INT8 as two, QLinearConv and QLinearAdd, with the Relu in the range of the sum's quantizer.";
