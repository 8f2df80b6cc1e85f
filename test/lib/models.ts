/** The open models and the samples with feeds of random numbers that they accept. */
import path from 'node:path';
import { loadModel, valueType, type Feed, type Model } from '../../src/onnx';
import { randomValues } from './graph';
import { sharedFile } from './shared';

const sample = (name: string) => path.resolve(import.meta.dirname, '../../samples', name);

/** A model file, and what its inputs need beyond their declared shapes. */
export interface OpenModel {
  name: string;
  file: string;
  /** Sizes of open axes by input name. */
  shapes?: Record<string, number[]>;
  /** Range of its inputs; ids are whole numbers below the upper end. */
  range: [number, number];
}

const shared = (
  name: string,
  range: [number, number],
  shapes?: OpenModel['shapes'],
): OpenModel => ({
  name: path.basename(name, '.onnx'),
  file: sharedFile(name),
  range,
  ...(shapes ? { shapes } : {}),
});

/** Every model of data/models and data/selftrained. */
export const openModels: readonly OpenModel[] = [
  shared('models/mobilenet_v1_0.25_224_imagenet.onnx', [-1, 1]),
  shared('models/resnet8_cifar10.onnx', [0, 255]),
  shared('models/mnist_cntk.onnx', [0, 255]),
  shared('models/ultraface_rfb_320_simplified.onnx', [-1, 1]),
  shared('models/ultraface_rfb_320.onnx', [-1, 1]),
  { ...shared('models/super_resolution_10/model.onnx', [0, 1]), name: 'super_resolution_10' },
  shared('models/candy_style.onnx', [0, 255]),
  shared('models/dtln_1.onnx', [0, 1]),
  shared('models/dtln_2.onnx', [-1, 1]),
  shared('models/magika_fast_v2_1.onnx', [0, 257], { bytes: [1, 1024] }),
  shared('selftrained/char_gpt.onnx', [0, 65], { input_ids: [1, 128] }),
];

/** Every model of samples/. */
export const sampleModels: readonly OpenModel[] = [
  'factor-cnn/factor-cnn.onnx',
  'price-lstm/price-lstm.onnx',
  'price-lstm/price-lstm-128.onnx',
].map((name) => ({ name: path.basename(name, '.onnx'), file: sample(name), range: [-1, 1] }));

/** The model, and random feeds for it. */
export async function openWithFeeds(
  { file, shapes, range: [low, high] }: OpenModel,
  count: number,
): Promise<{ model: Model; feeds: Feed[] }> {
  const model = await loadModel(file);
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const inputs = model.graph.input.filter((v) => !constants.has(v.name));
  const feeds = Array.from(
    { length: count },
    (_, i) =>
      Object.fromEntries(
        inputs.map((info) => {
          const { type, shape } = valueType(info);
          const dims =
            shapes?.[info.name] ?? (shape ?? []).map((d) => (typeof d === 'number' ? d : 1));
          const values = randomValues(
            dims.reduce((a, b) => a * b, 1),
            `${info.name}${i}`,
            low,
            high,
          );
          if (type === 'int64') {
            const data = BigInt64Array.from(values, (v) => BigInt(Math.floor(v)));
            return [info.name, { type, dims, data }];
          }
          if (type === 'int32') return [info.name, { type, dims, data: Int32Array.from(values) }];
          return [info.name, { type: 'float32', dims, data: values }];
        }),
      ) as Feed,
  );
  return { model, feeds };
}
