import { makeTensor, type GraphIndex, type TensorProto } from '../onnx';
import type { QuantParams } from '../numeric';

/** Scale and zero point of a tensor. */
export type ParamsOf = (tensor: string) => QuantParams;

/** Writes scale and zero point of a tensor as scalars and returns their names. */
export function writeParameters(
  index: GraphIndex,
  tensor: string,
  params: QuantParams,
  type: 'uint8' | 'int8',
): { scale: string; zeroPoint: string } {
  return {
    scale: index.addInitializer(
      makeTensor(index.freshName(`${tensor}_scale`), 'float32', [], Float32Array.of(params.scale)),
    ),
    zeroPoint: index.addInitializer(
      zeroPointTensor(index.freshName(`${tensor}_zero_point`), [], type, [params.zeroPoint]),
    ),
  };
}

/** A zero point initializer of the activations' type. */
export function zeroPointTensor(
  name: string,
  dims: readonly number[],
  type: 'uint8' | 'int8',
  values: readonly number[],
): TensorProto {
  return makeTensor(
    name,
    type,
    dims,
    type === 'uint8' ? Uint8Array.from(values) : Int8Array.from(values),
  );
}
