import { free } from '../../numeric/free';

/** An 8-bit picture: rows from the top, pixels from the left, the channels of a pixel side by side. */
export interface Bitmap {
  width: number;
  height: number;
  /** 3 (red, green, blue) or 1. */
  channels: 1 | 3;
  /** width · height · channels bytes. */
  data: Uint8Array;
}

/** What two steps make of a picture, which stays as it was; the memory of what lies between them is given back at once. */
export function inTurn(
  image: Bitmap,
  first: (image: Bitmap) => Bitmap,
  second: (image: Bitmap) => Bitmap,
): Bitmap {
  const between = first(image);
  const made = second(between);
  const { buffer } = between.data;
  if (buffer !== image.data.buffer && buffer !== made.data.buffer) free(between.data);
  return made;
}
