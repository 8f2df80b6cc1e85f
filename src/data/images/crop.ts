import type { Bitmap } from './bitmap';

/**
 * The middle `width` × `height` of a picture, the odd pixel left at the right and below
 * (`left = floor((w − width) / 2)`). Where the picture is smaller there is black around it, as in Pillow's `crop`.
 */
export function centerCrop(image: Bitmap, width: number, height: number): Bitmap {
  if (image.width === width && image.height === height) return image;
  const { channels } = image;
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const from = Math.max(0, left);
  const count = (Math.min(image.width, left + width) - from) * channels;
  const data = new Uint8Array(width * height * channels);
  for (let y = Math.max(0, -top); y < height && y + top < image.height; y++) {
    const start = ((y + top) * image.width + from) * channels;
    data.set(image.data.subarray(start, start + count), (y * width + from - left) * channels);
  }
  return { width, height, channels, data };
}
