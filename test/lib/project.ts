/** A small classifier with its data and recipe in a folder: what jobs are tried on. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { serializeModel } from '../../src/onnx';
import { npy, type temporaryFolder } from './files';
import { GraphBuilder, randomValues } from './graph';
import { output, value } from './runtime';

const IMAGE = [1, 3, 8, 8];
const PIXELS = 192;
const CLASSES = 5;

/** Conv → Relu → Conv → Add → Relu → pool → Gemm. */
export function classifier() {
  const g = new GraphBuilder();
  const conv = (name: string, x: string, inputs: number) =>
    g.node(
      name,
      'Conv',
      [x, g.random(`${name}.w`, [8, inputs, 3, 3], 0.5), g.random(`${name}.b`, [8], 0.2)],
      { pads: [1, 1, 1, 1] },
    );
  const first = g.node('relu1', 'Relu', [conv('conv1', g.input('image', IMAGE), 3)]);
  const sum = g.node('add', 'Add', [conv('conv2', first, 8), first]);
  const pool = g.node('pool', 'GlobalAveragePool', [g.node('relu2', 'Relu', [sum])]);
  const flat = g.node('flat', 'Flatten', [pool]);
  g.output(
    g.node('fc', 'Gemm', [flat, g.random('fc.w', [8, CLASSES]), g.random('fc.b', [CLASSES])], {}, [
      'scores',
    ]),
  );
  return g.build();
}

/** Writes model, calibration and evaluation data with FP32's own labels into `folder/name/`. */
export async function project(
  folder: ReturnType<typeof temporaryFolder>,
  name: string,
  model = classifier(),
) {
  const put = (file: string, contents: string | Uint8Array) =>
    folder.put(path.join(name, file), contents);
  put('net.onnx', serializeModel(model));
  const images = (count: number, seed: string) => randomValues(count * PIXELS, seed);
  const dims = (count: number) => [count, ...IMAGE.slice(1)];
  const evaluation = images(24, 'evaluation');
  const labels: bigint[] = [];
  for (let i = 0; i < 24; i++) {
    const image = evaluation.subarray(i * PIXELS, (i + 1) * PIXELS);
    const scores = await output(model, { image: value(IMAGE, image) });
    labels.push(BigInt(scores.indexOf(Math.max(...scores))));
  }
  put('calibration.npy', npy(dims(16), images(16, 'calibration')));
  put('evaluation.npy', npy(dims(24), evaluation));
  put('labels.npy', npy([24], BigInt64Array.from(labels)));
  const recipe = {
    model: 'net.onnx',
    output: 'net.int8.onnx',
    calibration: { data: 'calibration.npy' },
    evaluate: { data: 'evaluation.npy', labels: 'labels.npy' },
    latency: { pairs: 5, seconds: 0.05 },
    sensitivity: { samples: 8, budget_s: 60 },
  };
  const at = (file: string) => folder.at(name, file);
  return {
    at,
    put,
    recipe,
    recipePath: at('net.quant.yaml'),
    /** Writes the recipe with these keys instead of its own (undefined takes one out), and returns its text. */
    write: (changes: object = {}): string => {
      const text = stringify({ ...recipe, ...changes });
      writeFileSync(at('net.quant.yaml'), text);
      return text;
    },
  };
}
