import { makeInt, makeTensor, type GraphIndex } from '../../onnx';
import type { QuantParams } from '../../numeric';
import { writeParameters, type ParameterNames } from '../parameters';
import type { ConstantWriter, QuantizedConstant, WeightSettings } from '../weights';
import { addBias, addToStep, type GateMatrix, type Projection } from './projection';
import type { Scope } from './scope';

/** What static products of a recurrent layer need to know. */
export interface StaticSettings {
  writer: ConstantWriter;
  weights: WeightSettings;
  /** Of the hidden state, which the recurrent product reads at every step. */
  hidden: QuantParams;
  type: 'uint8' | 'int8';
}

/** A {@link Projection} and the weight scales that it wrote. */
export interface StaticProjection extends Projection {
  /** Scales of the input matrices, direction after direction. */
  readonly scales: number[];
}

/**
 * Products in INT8 with ranges known beforehand, as Q/DQ: the input comes dequantized already, the hidden state gets a
 * Q/DQ pair at every step, weights have one scale for every output, so every gate has its own. What leaves a product is
 * float (the runtime's MatMulIntegerToFloat), so pre-activations need no range.
 */
export function staticProjection(settings: StaticSettings): StaticProjection {
  const scales: number[] = [];
  let parameters: ParameterNames | undefined;

  const quantizedHidden = (scope: Scope, h: string): string => {
    parameters ??= writeParameters(scope.index, `${scope.base}/h`, settings.hidden, settings.type);
    const inputs = [parameters.scale, parameters.zeroPoint];
    const codes = scope.node('QuantizeLinear', [h, ...inputs]);
    return scope.node('DequantizeLinear', [codes, ...inputs]);
  };

  const product = (scope: Scope, left: string, constant: QuantizedConstant): string => {
    const right = scope.node(
      'DequantizeLinear',
      [constant.codes, constant.scale, constant.zeroPoint],
      constant.axis === null ? [] : [makeInt('axis', constant.axis)],
    );
    return scope.node('MatMul', [left, right]);
  };

  return {
    scales,
    takesRows: false,
    sequence(scope, x, matrix, bias) {
      const constant = quantizedMatrix(scope.index, settings, matrix);
      scales.push(...constant.scales);
      return addBias(scope, product(scope, x, constant), bias);
    },
    step(scope, h, matrix, addend) {
      const constant = quantizedMatrix(scope.index, settings, matrix);
      return addToStep(scope, product(scope, quantizedHidden(scope, h), constant), addend);
    },
  };
}

/** The codes of a gate matrix; its float values leave with the other constants that nothing reads. */
export function quantizedMatrix(
  index: GraphIndex,
  { writer, weights }: Pick<StaticSettings, 'writer' | 'weights'>,
  { name, inputs, outputs, values }: GateMatrix,
) {
  const dims = [inputs, outputs];
  const tensor = index.addInitializer(makeTensor(index.freshName(name), 'float32', dims, values));
  const scales = writer.scales(tensor, 1, weights, null, null);
  return writer.weight(tensor, 1, weights, scales);
}
