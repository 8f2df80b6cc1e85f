import { toHalfArray } from '../../numeric/half';
import { roundHalfEven } from '../../numeric/round';
import type { TensorData } from '../../onnx/tensor';
import { fits, wrongShape } from '../shapes';
import type { TensorValue } from '../source';
import { inTurn, type Bitmap } from './bitmap';
import { toBgr, toGray, toLuma } from './color';
import { centerCrop } from './crop';
import type { ImagePlan } from './plan';
import { resize } from './resize';

/**
 * A picture as the input's tensor, batch 1: resize, crop, colour, scale, mean, std, layout. Scaling a shorter
 * side to n makes the other `round(side · n / shorter)`, halves to even.
 * @throws VernierError `data.wrong-shape` if the result does not fit the input.
 */
export function preprocess(image: Bitmap, plan: ImagePlan, file: string): TensorValue {
  return toTensor(toPicture(image, plan, file), plan);
}

/** The first half of {@link preprocess}: the pixels that enter the model, still as bytes. Throws what it throws. */
export function toPicture(image: Bitmap, plan: ImagePlan, file: string): Bitmap {
  const picture = inTurn(
    image,
    (i) => frame(i, plan),
    (i) => recolor(i, plan.color),
  );
  const { width, height } = picture;
  const { input } = plan;
  const dims = dimsOf(picture, plan);
  if (!fits(dims, input)) {
    const sizes = plan.layout === 'nchw' ? input.shape.slice(-2) : input.shape.slice(-3, -1);
    const [h, w] = sizes;
    throw wrongShape(
      file,
      input,
      `${file} becomes [${dims.join(', ')}].`,
      typeof w === 'number' && typeof h === 'number' && (w !== width || h !== height)
        ? `Give the size of the input: image: { resize: [${w}, ${h}] } or { crop: [${w}, ${h}] }.`
        : 'Check color and layout in image:.',
    );
  }
  return picture;
}

/** The second half of {@link preprocess}: scale, mean, std and layout. */
export function toTensor(picture: Bitmap, plan: ImagePlan): TensorValue {
  const { type } = plan.input;
  return { type, dims: dimsOf(picture, plan), data: asType(tensorValues(picture, plan), type) };
}

function dimsOf({ width, height, channels }: Bitmap, { layout, input }: ImagePlan): number[] {
  const lengths = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  return input.shape.length === 4 ? [1, ...lengths] : lengths;
}

/** True where a picture is fitted by a guess, because the recipe says nothing about size. */
export function isGuessed(image: Bitmap, { cover }: ImagePlan): boolean {
  return cover !== null && (image.width !== cover[0] || image.height !== cover[1]);
}

function frame(image: Bitmap, plan: ImagePlan): Bitmap {
  const { filter, cover } = plan;
  if (cover) {
    const [width, height] = cover;
    const factor = Math.max(width / image.width, height / image.height);
    const [w, h] = [image.width * factor, image.height * factor].map(roundHalfEven);
    return inTurn(
      image,
      (i) => resize(i, Math.max(width, w!), Math.max(height, h!), filter, cover),
      (i) => centerCrop(i, width, height),
    );
  }
  const { crop } = plan;
  return inTurn(
    image,
    (i) => scaled(i, plan),
    (i) => (crop ? centerCrop(i, ...crop) : i),
  );
}

function scaled(image: Bitmap, { resize: to, filter, crop }: ImagePlan): Bitmap {
  const middle = crop ?? undefined;
  if (typeof to !== 'number') return to ? resize(image, ...to, filter, middle) : image;
  const factor = to / Math.min(image.width, image.height);
  const [w, h] = [image.width * factor, image.height * factor].map(roundHalfEven);
  return resize(image, Math.max(1, w!), Math.max(1, h!), filter, middle);
}

function recolor(image: Bitmap, color: ImagePlan['color']): Bitmap {
  switch (color) {
    case 'rgb':
      return image;
    case 'bgr':
      return toBgr(image);
    case 'gray':
      return toGray(image);
    case 'y':
      return toLuma(image);
  }
}

function tensorValues({ data, channels }: Bitmap, { layout, tables }: ImagePlan): Float32Array {
  const values = new Float32Array(data.length);
  const plane = data.length / channels;
  for (let c = 0; c < channels; c++) {
    const table = tables[c]!;
    if (layout === 'nchw')
      for (let i = 0, from = c; i < plane; i++, from += channels)
        values[c * plane + i] = table[data[from]!]!;
    else for (let i = c; i < data.length; i += channels) values[i] = table[data[i]!]!;
  }
  return values;
}

function asType(values: Float32Array, type: string): TensorData {
  if (type === 'float16') return toHalfArray(values);
  return type === 'uint8' ? toBytes(values) : values;
}

/** Rounds to bytes, halves to even. */
function toBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(Uint8ClampedArray.from(values).buffer);
}
