import type { ExistingQuantization, ExistingRange } from '../../../src/protocol';
import { mobilenet } from './mobilenet';

const bare: ExistingRange = {
  tensor: '',
  role: 'activation',
  type: 'uint8',
  scale: null,
  zeroPoint: null,
  scales: null,
  axis: null,
  blockSize: null,
  min: null,
  max: null,
  producer: null,
  consumers: [],
};

/** Mobilenet as some other tool left it: an activation and a weight of every layer in codes. */
export function existing(): ExistingQuantization {
  const { layers } = mobilenet();
  const tensors = layers.flatMap(({ name, output, weight }, i): ExistingRange[] => {
    const scale = 0.0235 / (1 + (i % 5));
    return [
      {
        ...bare,
        tensor: output,
        scale,
        zeroPoint: 3,
        scales: { count: 1, min: scale, max: scale },
        min: -3 * scale,
        max: 252 * scale,
        producer: name,
        consumers: layers[i + 1] ? [layers[i + 1]!.name] : [],
      },
      {
        ...bare,
        tensor: `${name}.weight_quantized`,
        role: 'weight',
        type: 'int8',
        scales: { count: weight?.shape[0] ?? 1, min: 0.0012, max: 0.31 },
        axis: 0,
        consumers: [name],
      },
    ];
  });
  return {
    formats: ['qdq'],
    operators: [
      { op: 'DequantizeLinear', count: 2 * layers.length },
      { op: 'QuantizeLinear', count: layers.length },
    ],
    tensors,
  };
}
