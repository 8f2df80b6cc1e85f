import { makeTensor, type GraphIndex, type TensorProto } from '../onnx';
import { codeArray, type QuantParams } from '../numeric';
import type { Range } from './observers/observer';

/** Integer types of activations. */
export type ActivationType = 'uint8' | 'int8' | 'uint16' | 'int16';

/** Parameters of a tensor, and what of it its readers tell apart where that is not all ({@link readRange}). */
export interface TensorParams extends QuantParams {
  read?: Range;
}

/** Scale and zero point of a tensor. */
export type ParamsOf = (tensor: string) => TensorParams;

/** Initializers that hold scale and zero point. */
export interface ParameterNames {
  scale: string;
  zeroPoint: string;
}

/** Writes scale and zero point of a tensor as scalars and returns their names. */
export function writeParameters(
  index: GraphIndex,
  tensor: string,
  params: QuantParams,
  type: ActivationType,
): ParameterNames {
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
  type: ActivationType,
  values: readonly number[],
): TensorProto {
  const codes = codeArray(type, values.length);
  codes.set(values);
  return makeTensor(name, type, dims, codes);
}
