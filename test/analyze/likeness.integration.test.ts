/** Samples beside what a model saw in training: right ones pass, and what was done wrongly is named. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  interleavedInputs,
  layoutNotes,
  likenessNotes,
  trainingLikeness,
} from '../../src/analyze/calibration-set/likeness';
import { openData, spread, type Feed, type ImageSettings } from '../../src/data';
import { loadModel, valueType, type InputSpec } from '../../src/onnx';
import { cifar, every, hasShared, imagenet, sharedFile } from '../lib/shared';

const CNN = path.resolve(import.meta.dirname, '../../samples/factor-cnn');

async function open(file: string, data: string[], image: ImageSettings = {}, count = 16) {
  const model = await loadModel(file);
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const inputs = model.graph.input
    .filter((v) => !constants.has(v.name))
    .map((v): InputSpec => ({
      name: v.name,
      type: valueType(v).type,
      shape: valueType(v).shape ?? [],
    }));
  const source = await openData({ data, image, baseDir: CNN, inputs, inputShapes: {} });
  const samples: Feed[] = [];
  for (const i of spread(source.count, count)) samples.push(await source.sample(i));
  const change = (by: (x: number, i: number, all: Float32Array) => number) =>
    samples.map((feed): Feed => {
      const [name] = Object.keys(feed);
      const value = feed[name!]!;
      return { [name!]: { ...value, data: (value.data as Float32Array).map(by) } };
    });
  return {
    samples,
    change,
    look: (feeds: Feed[], more?: Feed[], pictures = true) =>
      trainingLikeness(model, inputs, feeds, more && (() => Promise.resolve(more)), pictures),
  };
}

/** Values that nothing known explains. */
const odds = (change: Awaited<ReturnType<typeof open>>['change']) => change((x) => 40 - 7 * x);

describe('a convolutional network of the samples', () => {
  it('knows its own data, and others by their scale', async () => {
    const { samples, change, look } = await open(path.join(CNN, 'factor-cnn.onnx'), [
      'calibration.npy',
    ]);
    const own = (await look(samples))!;
    expect(own).toMatchObject({ samples: 16, unlike: false, suspicion: null });
    expect(own.divergence).toBeLessThan(0.01);
    expect(own.variance).toBeGreaterThan(0.8);
    expect(own.variance).toBeLessThan(1.25);
    expect(likenessNotes(own)).toEqual([]);

    const large = (await look(change((x) => x * 255)))!;
    // 255² times the variance
    expect(large.variance / own.variance / 255 ** 2).toBeCloseTo(1, 2);
    expect(large.suspicion).toMatchObject({ code: 'scale', input: 'panel' });
    expect(large.suspicion!.divergence).toBeCloseTo(own.divergence, 4);
    expect(likenessNotes(large)[0]).toMatchObject({ code: 'calibration-wrong-scale' });
    // arrays are taken as they are: no setting changes them
    const arrays = (await look(
      change((x) => x * 255),
      undefined,
      false,
    ))!;
    expect(arrays.suspicion!.remedy).toBe('Divide the arrays by 255.');
    expect((await look(change((x) => x / 255)))!.suspicion?.code).toBe('scale');
    // nothing that is known explains it
    const odd = (await look(odds(change)))!;
    expect(odd).toMatchObject({ unlike: true, suspicion: null });
    // more of them may say otherwise, or the same
    expect(await look(odds(change), samples)).toEqual(own);
    const same = await look(odds(change), [...odds(change), ...odds(change)]);
    expect(same).toMatchObject({ unlike: true, samples: 32 });
    const scaled = change((x) => x * 255);
    expect(await look(scaled, [...scaled, ...scaled])).toEqual(large);
    expect(likenessNotes(odd)[0]).toMatchObject({ code: 'calibration-unlike-training' });
  });
});

const MODELS: [name: string, file: string, data: () => string[], image: ImageSettings][] = [
  [
    'mobilenet',
    'models/mobilenet_v1_0.25_224_imagenet.onnx',
    () => every(8, imagenet()),
    { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
  ],
  ['resnet8', 'models/resnet8_cifar10.onnx', () => every(8, cifar(), 128), { scale: 1 }],
  [
    'ultraface',
    'models/ultraface_rfb_320.onnx',
    () => every(8, imagenet()),
    { resize: [320, 240], scale: 1, mean: 127, std: 128 },
  ],
];

describe.skipIf(!hasShared).each(MODELS)('%s', (name, file, data, image) => {
  it('passes what it was trained on, and names what is wrong', { timeout: 120_000 }, async () => {
    // pictures of 32×32 say little each
    const count = name === 'resnet8' ? 128 : 16;
    const { samples, change, look } = await open(sharedFile(file), data(), image, count);
    const own = (await look(samples))!;
    expect(own).toMatchObject({ unlike: false, suspicion: null });
    expect(interleavedInputs(samples)).toEqual([]);

    const again = await open(sharedFile(file), data(), {
      ...image,
      scale: 1 / 255,
      mean: 0,
      std: 1,
    });
    const scaled = (await again.look(again.samples))!;
    expect(scaled.unlike).toBe(true);
    expect(scaled.suspicion?.code).toBe('scale');

    const color = 'bgr';
    const swapped = await open(sharedFile(file), data(), { ...image, color }, count);
    const other = (await swapped.look(swapped.samples))!;
    // faces look the same to the first layer of ultraface either way: then nothing is said
    if (name === 'ultraface') expect(other.suspicion).toBeNull();
    else {
      expect(other.suspicion?.code).toBe('channels');
      expect(other.suspicion!.divergence).toBeCloseTo(own.divergence, 6);
    }

    const pixels =
      (samples[0]!.input_2 ?? samples[0]!.input_1 ?? samples[0]!.input)!.data.length / 3;
    const last = change((_, i, all) => all[(i % 3) * pixels + Math.floor(i / 3)]!);
    const [input] = Object.keys(samples[0]!);
    expect(interleavedInputs(last)).toEqual([input]);
    expect(layoutNotes([input!])[0]).toMatchObject({ code: 'calibration-wrong-layout' });
  });
});

// the photographs lie beside the repository, as for the models above; lib/shared.ts says so where they are not there
it.skipIf(!hasShared)(
  'mobilenet takes no chance: 16 photographs seem unlike, 64 do not',
  async () => {
    const [, file, , image] = MODELS[0]!;
    const photographs = every(3, imagenet(), 64);
    const { samples, look } = await open(sharedFile(file), photographs, image);
    expect((await look(samples))!.unlike).toBe(true);
    const all = await open(sharedFile(file), photographs, image, 64);
    const found = (await look(samples, all.samples))!;
    expect(found).toMatchObject({ unlike: false, samples: 64, suspicion: null });
    expect(likenessNotes(found)).toEqual([]);
  },
);
