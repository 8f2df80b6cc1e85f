import { VernierError } from '../errors';
import { valueType, type ElementType, type Model } from '../onnx';

/** Types that onnxruntime-node neither takes nor gives: it loads no model with such an input or output. */
export const NOT_PASSED: readonly ElementType[] = [
  'bfloat16',
  ...(['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'] as const),
  ...(['float4e2m1', 'float8e8m0', 'complex64', 'complex128'] as const),
];

/** Throws `model.unsupported-type`, by the tensor's name, where an input or output could be neither fed nor read. */
export function refuseTypes({ graph, file }: Model): void {
  const constants = new Set(graph.initializer.map((t) => t.name));
  const sides = [
    ['input', graph.input.filter(({ name }) => !constants.has(name))],
    ['output', graph.output],
  ] as const;
  for (const [side, values] of sides)
    for (const value of values) {
      const { type } = valueType(value);
      if (!NOT_PASSED.includes(type)) continue;
      throw new VernierError(
        'model.unsupported-type',
        `The ${side} '${value.name}' is ${type}, which onnxruntime cannot ${side === 'input' ? 'be given' : 'give back'} here.`,
        {
          ...(file ? { file } : {}),
          tensor: value.name,
          remedy: 'Export the model with float32 or float16 there; inside it may stay as it is.',
        },
      );
    }
}
