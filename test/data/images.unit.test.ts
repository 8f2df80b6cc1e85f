/** Pictures, to the bit as Pillow has them (fixtures/make.py writes what it says). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bitmap } from '../../src/data/images/bitmap';
import { toBgr, toGray, toLuma } from '../../src/data/images/color';
import { centerCrop } from '../../src/data/images/crop';
import { decodeImage } from '../../src/data/images/decode';
import { planImages } from '../../src/data/images/plan';
import { isGuessed, preprocess } from '../../src/data/images/preprocess';
import { resize } from '../../src/data/images/resize';
import { byteTable } from '../../src/data/images/scale';
import type { FilterName, ImageSettings, InputSpec } from '../../src/data/source';
import { fixture, golden } from './shared';

const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16);
const load = (name: string) => decodeImage(readFileSync(fixture(name)), name);
let noise: Bitmap;
beforeAll(async () => {
  noise = await load('noise.png');
});

describe('decoding', () => {
  it.each(Object.entries(golden.decoded))('%s', async (name, { size, sha256 }) => {
    const image = await load(name);
    expect([image.width, image.height]).toEqual(size);
    expect(sha(image.data)).toBe(sha256);
  });

  it.each(['text.jpg', 'cut.jpg', 'cmyk.jpg', 'npys.zip'])('refuses %s', async (name) => {
    await expect(load(name)).rejects.toMatchObject({
      code: 'data.bad-image',
      place: { file: name, remedy: expect.any(String) },
    });
  });

  it.each(['noise.png', 'noise.jpg', 'lossy.webp'])('goes on after damage in %s', async (name) => {
    const bytes = readFileSync(fixture(name));
    const damaged = Buffer.concat([bytes.subarray(0, 60), bytes.subarray(-20)]);
    await expect(decodeImage(damaged, name)).rejects.toMatchObject({ code: 'data.bad-image' });
    expect(sha((await load(name)).data)).toBe(golden.decoded[name]!.sha256);
  });
});

describe('resizing', () => {
  it.each(golden.resized)(
    '$filter to $size, $channels channels',
    ({ filter, size, channels, sha256 }) => {
      const image = channels === 3 ? noise : toGray(noise);
      const scaled = resize(image, ...size, filter as FilterName);
      expect([scaled.width, scaled.height]).toEqual(size);
      expect(sha(scaled.data)).toBe(sha256);
    },
  );
});

describe('cropping', () => {
  it.each(golden.crops)('to $size', ({ size, sha256 }) => {
    expect(sha(centerCrop(noise, ...size).data)).toBe(sha256);
  });

  // golden.resized holds the whole against Pillow
  it.each(golden.resized)('of what $filter scales to $size, $channels channels', (how) => {
    const image = how.channels === 3 ? noise : toGray(noise);
    const [width, height] = how.size;
    const filter = how.filter as FilterName;
    const whole = resize(image, width, height, filter);
    const middles: [number, number][] = [
      [width, height],
      [Math.ceil(width / 2), Math.ceil(height / 3)],
      [Math.max(1, width - 1), Math.max(1, height - 2)],
      [1, height + 3], // black below and above
      [width + 2, 1],
    ];
    for (const middle of middles) {
      const part = resize(image, width, height, filter, middle);
      expect(centerCrop(part, ...middle)).toEqual(centerCrop(whole, ...middle));
    }
    const least = resize(image, width, height, filter, [1, 1]).data.length;
    if (filter !== 'nearest' && width !== image.width && height !== image.height)
      expect(least).toBe(how.channels);
  });
});

describe('colours', () => {
  it.each(['gray', 'y', 'bgr'] as const)('%s', (color) => {
    const convert = { gray: toGray, y: toLuma, bgr: toBgr }[color];
    expect(sha(convert(noise).data)).toBe(golden.colors[color]);
  });
});

describe('scaling bytes', () => {
  it('divides where the scale is one over something', () => {
    const expected = Float32Array.from({ length: 256 }, (_, i) => i / 255);
    expect(byteTable({ scale: '1/255', mean: 0, std: 1 })).toEqual(expected);
    expect(byteTable({ scale: 1 / 255, mean: 0, std: 1 })).toEqual(expected);
    const half = byteTable({ scale: '1/127.5', mean: 1, std: 1 });
    expect([half[0], half[255], half[100]]).toEqual([
      -1,
      1,
      Math.fround(Math.fround(100 / 127.5) - 1),
    ]);
  });

  it.each([
    ['keeps bytes', 1, 0, 1, 200, 200],
    ['multiplies', 0.017, 0, 1, 100, Math.fround(Math.fround(0.017) * 100)],
    ['takes the mean and the deviation', 1, 127, 128, 255, 1],
  ])('%s', (_, scale, mean, std, byte, value) => {
    expect(byteTable({ scale, mean, std })[byte]).toBe(value);
  });

  it.each([
    ['text', 'x', 0, 1],
    ['two slashes', '1/2/3', 0, 1],
    ['nothing', '', 0, 1],
    ['a std of zero', 1, 0, 0],
    ['NaN', 1, NaN, 1],
  ])('refuses %s', (_, scale, mean, std) => {
    expect(() => byteTable({ scale, mean, std })).toThrow(
      expect.objectContaining({ code: 'recipe.schema' }),
    );
  });
});

const input = (shape: InputSpec['shape'], type: InputSpec['type'] = 'float32'): InputSpec => ({
  name: 'x',
  type,
  shape,
});
const run = (settings: ImageSettings, spec: InputSpec) =>
  preprocess(noise, planImages(settings, spec, 'f'), 'f');

describe('preprocessing', () => {
  it.each([
    ['nchw', [1, 3, 16, 24], { resize: [24, 16] }, [1, 3, 16, 24]],
    ['nhwc', ['n', 16, 24, 3], { resize: [24, 16] }, [1, 16, 24, 3]],
    ['open sizes', ['n', 3, null, null], {}, [1, 3, 25, 37]],
    ['no batch', [3, 25, 37], {}, [3, 25, 37]],
    ['gray', [1, 1, 25, 37], {}, [1, 1, 25, 37]],
    ['luma', [1, 1, 20, 20], { color: 'y', crop: 20 }, [1, 1, 20, 20]],
    ['shorter side and crop', [1, 3, 14, 14], { resize: 16, crop: 14 }, [1, 3, 14, 14]],
    ['shorter side', [1, 3, 16, 24], { resize: 16 }, [1, 3, 16, 24]],
    ['a guess', [1, 3, 20, 20], {}, [1, 3, 20, 20]],
    ['a larger guess', [1, 3, 100, 90], {}, [1, 3, 100, 90]],
    ['layout by wish', [1, 3, 3, 3], { resize: [3, 3], layout: 'nhwc' }, [1, 3, 3, 3]],
  ] as [string, (number | string | null)[], ImageSettings, number[]][])(
    '%s',
    (_, shape, settings, dims) => {
      const tensor = run(settings, input(shape));
      expect(tensor.dims).toEqual(dims);
      expect(tensor.data).toHaveLength(dims.reduce((a, b) => a * b, 1));
    },
  );

  it('puts channels first or last, each with its own mean', () => {
    const settings = { scale: 1, mean: [1, 2, 3], std: [1, 2, 4] };
    const first = run(settings, input([1, 3, 25, 37])).data as Float32Array;
    const last = run(settings, input([1, 25, 37, 3])).data as Float32Array;
    for (const [x, y, c] of [
      [0, 0, 0],
      [5, 7, 1],
      [36, 24, 2],
    ] as const) {
      const expected = (noise.data[(y * 37 + x) * 3 + c]! - [1, 2, 3][c]!) / [1, 2, 4][c]!;
      expect(first[c * 25 * 37 + y * 37 + x]).toBe(expected);
      expect(last[(y * 37 + x) * 3 + c]).toBe(expected);
    }
  });

  it('writes bytes and halves for inputs that take them', () => {
    const bytes = run({}, input([1, 25, 37, 3], 'uint8')).data;
    expect(bytes).toEqual(noise.data);
    const halves = run({ scale: 1 }, input([1, 25, 37, 3], 'float16')).data;
    expect(halves).toBeInstanceOf(Uint16Array);
  });

  it('says where it guessed', () => {
    const plan = (settings: ImageSettings, shape: InputSpec['shape']) =>
      planImages(settings, input(shape), 'f');
    expect(isGuessed(noise, plan({}, [1, 3, 20, 20]))).toBe(true);
    expect(isGuessed(noise, plan({}, [1, 3, 25, 37]))).toBe(false);
    expect(isGuessed(noise, plan({ crop: 20 }, [1, 3, 20, 20]))).toBe(false);
  });

  it.each([
    ['a size that does not fit', { resize: 20 }, input([1, 3, 20, 20]), 'data.wrong-shape'],
    ['colours that do not fit', { color: 'gray' }, input([1, 3, 25, 37]), 'data.wrong-shape'],
    ['a fixed batch', {}, input([4, 3, 25, 37]), 'data.wrong-shape'],
    ['an input for no pictures', {}, input([1, 10]), 'data.wrong-shape'],
    ['an input of integers', {}, input([1, 3, 25, 37], 'int64'), 'data.wrong-type'],
    ['two means', { mean: [1, 2] }, input([1, 3, 25, 37]), 'recipe.schema'],
  ] as [string, ImageSettings, InputSpec, string][])('refuses %s', (_, settings, spec, code) => {
    expect(() => run(settings, spec)).toThrow(
      expect.objectContaining({
        code,
        place: expect.objectContaining({ remedy: expect.any(String) }),
      }),
    );
  });
});
