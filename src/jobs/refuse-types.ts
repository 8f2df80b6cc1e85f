import { VernierError } from '../errors';
import { valueType, type ElementType, type Model } from '../onnx';
import { inputsOf } from './inputs';

/** Types that onnxruntime-node neither takes nor gives: it loads no model with such an input or output. */
export const NOT_PASSED: readonly ElementType[] = [
  'bfloat16',
  ...(['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'] as const),
  ...(['float4e2m1', 'float8e8m0', 'complex64', 'complex128'] as const),
];

/** Throws `model.unsupported-type`, by the tensor's name, where an input or output could be neither fed nor read. */
export function refuseTypes(model: Model): void {
  const { graph, file } = model;
  const outputs = graph.output.map((value) => ({ name: value.name, type: valueType(value).type }));
  const sides = [
    ['input', inputsOf(model)],
    ['output', outputs],
  ] as const;
  for (const [side, values] of sides)
    for (const { name, type } of values) {
      if (!NOT_PASSED.includes(type)) continue;
      throw new VernierError(
        'model.unsupported-type',
        `The ${side} '${name}' is ${type}, which onnxruntime cannot ${side === 'input' ? 'be given' : 'give back'} here.`,
        {
          ...(file ? { file } : {}),
          tensor: name,
          remedy: 'Export the model with float32 or float16 there; inside it may stay as it is.',
        },
      );
    }
}
