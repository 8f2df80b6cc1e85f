/** Real pictures become the very tensors that baselines/ort_peer.py (Pillow and NumPy) makes of them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/data/images/decode';
import { planImages } from '../../src/data/images/plan';
import { preprocess } from '../../src/data/images/preprocess';
import { openData } from '../../src/data/open';
import type { ImageSettings } from '../../src/data/source';
import { golden, hasShared, shared } from './shared';

const sha = (...tensors: Float32Array[]) => {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of tensors)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 16);
};

/** What people write in the recipe for what ort_peer.py does. */
const recipes: Record<string, { shape: number[]; image: ImageSettings }> = {
  mobilenet: {
    shape: [1, 3, 224, 224],
    image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
  },
  resnet8: { shape: [1, 3, 32, 32], image: { scale: 1 } },
  ultraface: {
    shape: [1, 3, 240, 320],
    image: { resize: [320, 240], scale: 1, mean: 127, std: 128 },
  },
  superres: { shape: [1, 1, 224, 224], image: { resize: 256, crop: 224, color: 'y' } },
  candy: { shape: [1, 3, 720, 720], image: { resize: [720, 720], scale: 1 } },
  torchvision: {
    shape: [1, 3, 224, 224],
    image: {
      resize: 256,
      crop: 224,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
  },
};

describe.skipIf(!hasShared)('pictures of ../shared/data', () => {
  it.each(golden.real)('$recipe: $file', async ({ recipe, file, sha256 }) => {
    const { shape, image } = recipes[recipe]!;
    const plan = planImages(image, { name: 'x', type: 'float32', shape }, file);
    const picture = await decodeImage(readFileSync(join(shared, 'data', file)), file);
    expect(sha(preprocess(picture, plan, file).data as Float32Array)).toBe(sha256);
  });

  it('all 200 of imagenet_200, through the door that recipes use', async () => {
    const { shape, image } = recipes.mobilenet!;
    const source = await openData({
      data: 'imagenet_200',
      baseDir: join(shared, 'data'),
      image,
      inputs: [{ name: 'input_2', type: 'float32', shape }],
    });
    expect(source.count).toBe(200);
    const tensors: Float32Array[] = [];
    for (let i = 0; i < source.count; i++)
      tensors.push((await source.sample(i)).input_2!.data as Float32Array);
    expect(sha(...tensors)).toBe(golden.mobilenet_all);
    expect(source.notes).toEqual([]);
  });

  it('keeps a sample as the bytes that it has', async () => {
    const { shape, image } = recipes.torchvision!;
    const data = ['imagenet_200', 'cifar10_test_1000/airplane'];
    for (const part of [data, data[0]!]) {
      const source = await openData({
        data: part,
        samples: 4,
        baseDir: join(shared, 'data'),
        image,
        inputs: [{ name: 'x', type: 'float32', shape }],
      });
      expect(source.fresh).toBe(true);
      for (let i = 0; i < source.count; i++) {
        const read = await source.sample(i);
        const held = await source.hold(i);
        expect(held.bytes).toBe(3 * 224 * 224);
        expect(held.feed()).toEqual(read);
        expect(held.feed().x!.data).not.toBe(held.feed().x!.data);
      }
    }
  });

  it('reads cifar10 as one folder a class', async () => {
    const source = await openData({
      data: 'cifar10_test_1000',
      baseDir: join(shared, 'data'),
      image: { scale: 1 },
      samples: 20,
      inputs: [{ name: 'input_1', type: 'float32', shape: [null, 3, 32, 32] }],
    });
    expect(source.classes).toHaveLength(10);
    expect([source.total, source.count]).toEqual([1000, 20]);
    expect(Array.from({ length: 20 }, (_, i) => source.classOf(i))).toEqual(
      Array.from({ length: 20 }, (_, i) => Math.floor(i / 2)),
    );
    expect((await source.sample(19)).input_1!.dims).toEqual([1, 3, 32, 32]);
  });
});
