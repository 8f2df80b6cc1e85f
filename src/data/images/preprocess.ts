import { toHalfArray } from '../../numeric/half';
import { roundHalfEven } from '../../numeric/round';
import type { TensorData } from '../../onnx/tensor';
import { fits, wrongShape } from '../shapes';
import type { TensorValue } from '../source';
import type { Bitmap } from './bitmap';
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
  const picture = recolor(frame(image, plan), plan.color);
  const { width, height, channels } = picture;
  const { input, layout } = plan;
  const lengths = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  const dims = input.shape.length === 4 ? [1, ...lengths] : lengths;
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
  const values = tensorValues(picture, plan);
  return { type: input.type, dims, data: asType(values, input.type) };
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
    return centerCrop(
      resize(image, Math.max(width, w!), Math.max(height, h!), filter),
      width,
      height,
    );
  }
  let framed = image;
  if (typeof plan.resize === 'number') {
    const factor = plan.resize / Math.min(image.width, image.height);
    const [w, h] = [image.width * factor, image.height * factor].map(roundHalfEven);
    framed = resize(framed, Math.max(1, w!), Math.max(1, h!), filter);
  } else if (plan.resize) framed = resize(framed, ...plan.resize, filter);
  return plan.crop ? centerCrop(framed, ...plan.crop) : framed;
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
