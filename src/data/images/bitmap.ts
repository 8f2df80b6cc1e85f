/** An 8-bit picture: rows from the top, pixels from the left, the channels of a pixel side by side. */
export interface Bitmap {
  width: number;
  height: number;
  /** 3 (red, green, blue) or 1. */
  channels: 1 | 3;
  /** width · height · channels bytes. */
  data: Uint8Array;
}
