/**
 * What `target: x86-avx2` must reach on real models, against the kernels of a processor without VNNI: the same outputs from
 * them and from exact ones, more signal than onnxruntime's `reduce_range`, and a simulation of the plain file that is what such a
 * processor gives.
 */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { executingNodes } from '../../src/analyze/executed';
import { pairLayers, runPairs } from '../../src/analyze/without-vnni';
import { loadModel, type Feed, type TensorValue } from '../../src/onnx';
import { listUnits } from '../../src/quantize/units';
import { prepare } from '../../src/quantize/prepare';
import { optimizedGraph } from '../../src/runtime/optimized';
import { openData } from '../../src/data';
import { hasClippingKernels, runProcess } from '../lib/emulated';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { cifar, every, hasShared, imagenet, sharedFile } from '../lib/shared';

const folder = temporaryFolder();

const cases = [
  {
    name: 'mobilenet',
    model: 'models/mobilenet_v1_0.25_224_imagenet.onnx',
    files: imagenet,
    calibration: (files: string[]) => every(3, files, 64),
    image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
    samples: 12,
    /** onnxruntime 1.30's quantize_static(per_channel, reduce_range) on the same data: 6.55 dB. */
    reduceRange: 6.6,
  },
  {
    name: 'resnet8',
    model: 'models/resnet8_cifar10.onnx',
    files: cifar,
    calibration: (files: string[]) => every(8, files, 128),
    image: { scale: 1 },
    samples: 60,
    reduceRange: 18.9,
  },
];

const largest = (a: readonly Record<string, TensorValue>[], b: typeof a) =>
  Math.max(
    ...a.flatMap((sample, i) =>
      Object.entries(sample).map(([name, { data }]) => {
        const other = b[i]![name]!.data as Float32Array;
        return (data as Float32Array).reduce((m, x, k) => Math.max(m, Math.abs(x - other[k]!)), 0);
      }),
    ),
  );

// lib/shared.ts and lib/emulated.ts say what is not there
describe.skipIf(!hasShared || !hasClippingKernels)('x86-avx2', () => {
  it.each(cases)('$name', { timeout: 900_000 }, async (subject) => {
    const { name, model, files, calibration, image, samples, reduceRange } = subject;
    const written = async (target: string) => {
      const text = stringify({
        model: sharedFile(model),
        output: `${name}.${target}.onnx`,
        target,
        quantization: { improve: [] },
        calibration: { data: calibration(files()), image },
        evaluate: { data: files() },
      });
      const { result } = await run(folder.at(`${name}.${target}.quant.yaml`), {
        text,
        until: 'evaluate',
      });
      return { result, file: folder.at(`${name}.${target}.onnx`) };
    };
    const careful = await written('x86-avx2');
    const plain = await written('x86-vnni');

    const source = await loadModel(sharedFile(model));
    const { model: prepared, context } = await prepare(source);
    const data = await openData({
      data: every(7, files(), samples),
      image: { ...IMAGE, ...image, scale: name === 'mobilenet' ? 1 / 127.5 : 1 },
      seed: 0,
      baseDir: folder.dir,
      inputs: [{ name: source.graph.input[0]!.name, type: 'float32', shape: inputShape(name) }],
      inputShapes: {},
    });
    const feeds: Feed[] = [];
    for (let i = 0; i < data.count; i++) feeds.push(await data.sample(i));
    expect(feeds).toHaveLength(samples);

    const jobs = [careful, plain].map(({ file }) => ({ model: file, feeds }));
    const [carefulHere, plainHere] = runProcess('exact', jobs);
    const [carefulThere, plainThere] = runProcess('clipping', jobs);
    // 1. The same outputs with and without VNNI, which the plain file does not give.
    expect(largest(carefulHere!, carefulThere!)).toBeLessThanOrEqual(1e-6);
    expect(largest(plainHere!, plainThere!)).toBeGreaterThan(0.1);
    // 2. More signal than the blanket way.
    const sqnr = Object.values(careful.result.sqnrDb)[0]!;
    expect(sqnr).toBeGreaterThan(reduceRange + 3);
    // 3. The simulation of the plain file is what such a processor gives.
    const optimized = await optimizedGraph(plain.file);
    const units = listUnits(prepared, context, () => 'float32');
    const nodes = executingNodes(optimized, units, prepared);
    const layers = pairLayers(
      optimized,
      new Map([...nodes].map(([layer, node]) => [layer, [node]])),
    );
    const simulated = await runPairs(optimized, layers, feeds, {
      arithmetic: 'clipped',
      nativeClips: false,
    });
    expect(largest(simulated.outputs, plainThere!)).toBeLessThanOrEqual(1e-6);
    // With one option the plain file is right there, too, as the remedy says; without VNNI, exact kernels are those of the option.
    const [repaired] = runProcess('clipping', [{ model: plain.file, feeds: feeds.slice(0, 4) }], {
      x64quantprecision: '1',
    });
    expect(largest(plainHere!.slice(0, 4), repaired!)).toBeLessThanOrEqual(1e-6);
  });
});

const IMAGE = {
  filter: 'bilinear' as const,
  color: 'rgb' as const,
  mean: 0,
  std: 1,
  layout: 'nchw' as const,
};

function inputShape(name: string): number[] {
  return name === 'mobilenet' ? [1, 3, 224, 224] : [1, 3, 32, 32];
}
