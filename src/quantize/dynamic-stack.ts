import { floatData, makeTensor, tensorDims, type GraphIndex, type Model } from '../onnx';
import { quantizePerChannel, type QuantParams } from '../numeric';
import { weightScales, type QuantizedConstant, type WeightSettings } from './weights';

/**
 * A stack of matrices [..., K, N] as int8: every matrix has a scale for each of its columns, [..., 1, N], or (granularity
 * `tensor`) one scale serves all. Zero points are 0 and have the shape of the scales: the integer products of onnxruntime
 * and ONNX take both. It is written once for all that read it.
 */
export function stackedWeight(
  model: Model,
  index: GraphIndex,
  tensor: string,
  settings: WeightSettings,
): Pick<QuantizedConstant, 'codes' | 'scale' | 'zeroPoint' | 'scales'> {
  const proto = index.initializer(tensor)!;
  const dims = tensorDims(proto);
  const [k, n] = dims.slice(-2) as [number, number];
  const values = floatData(proto, model.dir);
  const names = ['quantized', 'scale', 'zero_point'].map((s) => `${tensor}_stack_${s}`);
  const [codes, scale, zeroPoint] = names as [string, string, string];
  const known = index.initializer(scale);
  if (known) return { codes, scale, zeroPoint, scales: floatData(known, model.dir) };

  const matrices = Array.from({ length: k * n === 0 ? 0 : values.length / (k * n) }, (_, i) =>
    values.subarray(i * k * n, (i + 1) * k * n),
  );
  const byColumn: WeightSettings = { ...settings, granularity: 'channel' };
  const scales = matrices.map((matrix) => weightScales(matrix, [k, n], 1, byColumn));
  const one = settings.granularity === 'tensor';
  if (one) {
    const widest = scales.reduce((most, own) => own.reduce((a, b) => Math.max(a, b), most), 0);
    for (const own of scales) own.fill(widest);
  }
  const all = new Int8Array(values.length);
  for (const [i, matrix] of matrices.entries()) {
    const params: QuantParams[] = Array.from(scales[i]!, (s) => ({ scale: s, zeroPoint: 0 }));
    all.set(quantizePerChannel(matrix, [k, n], 1, params, 'int8', { symmetric: true }), i * k * n);
  }
  const written = one ? scales[0]!.slice(0, 1) : Float32Array.from(scales.flatMap((s) => [...s]));
  const shape = one ? [] : [...dims.slice(0, -2), 1, n];
  const add = (...[name, type, of, data]: Parameters<typeof makeTensor>) =>
    index.addInitializer(model.parked(makeTensor(name, type, of, data)));
  add(codes, 'int8', dims, all);
  add(scale, 'float32', shape, written);
  add(zeroPoint, 'int8', shape, new Int8Array(written.length));
  return { codes, scale, zeroPoint, scales: written };
}
