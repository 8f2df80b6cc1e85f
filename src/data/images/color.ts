import type { Bitmap } from './bitmap';

/** Pillow's `convert('L')`: ITU-R 601-2 luma in 16-bit fixed point (src/libImaging/Convert.c). */
export function toGray(image: Bitmap): Bitmap {
  return oneChannel(image, (r, g, b) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
}

/** The weight of each byte in Y, with six bits after the point (tables of src/libImaging/ConvertYCbCr.c). */
const table = (weight: number) =>
  Int32Array.from({ length: 256 }, (_, i) => Math.round(weight * 64 * i));
const [red, green, blue] = [table(0.299), table(0.587), table(0.114)];

/** The Y of Pillow's `convert('YCbCr')`; not quite {@link toGray}, for its rounding is coarser. */
export function toLuma(image: Bitmap): Bitmap {
  return oneChannel(image, (r, g, b) => (red[r]! + green[g]! + blue[b]!) >> 6);
}

/** Red and blue change places. */
export function toBgr(image: Bitmap): Bitmap {
  const data = image.data.slice();
  for (let i = 0; i < data.length; i += 3) {
    data[i] = image.data[i + 2]!;
    data[i + 2] = image.data[i]!;
  }
  return { ...image, data };
}

function oneChannel(image: Bitmap, value: (r: number, g: number, b: number) => number): Bitmap {
  const data = new Uint8Array(image.width * image.height);
  for (let i = 0, at = 0; i < data.length; i++, at += 3)
    data[i] = value(image.data[at]!, image.data[at + 1]!, image.data[at + 2]!);
  return { ...image, channels: 1, data };
}
