import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js';
import { VernierError } from '../../errors';
import { ownsBuffer } from '../../numeric/free';
import type { Bitmap } from './bitmap';
import { compileWasm } from './wasm';

type Format = 'jpeg' | 'png' | 'webp';
type Pixels = { data: Uint8ClampedArray; width: number; height: number };
/** The packages' types know only the browser's way of starting them. */
type Init = (module: object) => Promise<unknown>;

const decoders: Record<
  Format,
  { start(): Promise<unknown>; decode(b: ArrayBuffer): Promise<Pixels> }
> = {
  jpeg: {
    start: async () => (initJpeg as unknown as Init)(await compileWasm('mozjpeg_dec.wasm')),
    decode: decodeJpeg,
  },
  png: {
    start: async () => (initPng as unknown as Init)(await compileWasm('squoosh_png_bg.wasm')),
    decode: decodePng,
  },
  webp: {
    start: async () => (initWebp as unknown as Init)(await compileWasm('webp_dec.wasm')),
    decode: decodeWebp,
  },
};
const started = new Map<Format, Promise<unknown>>();

/**
 * Decodes a JPEG, PNG or WebP picture to RGB, as Pillow's `Image.open(file).convert('RGB')` does: bit by bit the
 * same for JPEG, alpha dropped (not blended), and no turning by EXIF.
 * @param file what errors name
 * @throws VernierError `data.bad-image` for other formats and damaged files.
 */
export async function decodeImage(bytes: Uint8Array, file: string): Promise<Bitmap> {
  const format = formatOf(bytes);
  if (format === 'other') throw badImage(file, `${file} is not a JPEG, PNG or WebP picture.`);
  if (format === 'jpeg' && !hasJpegEnd(bytes))
    throw badImage(file, `${file} ends too early: the end of the JPEG is missing.`);
  preparePolyfill();
  let pixels: Pixels;
  try {
    if (!started.has(format)) started.set(format, decoders[format].start());
    await started.get(format);
    const encoded = ownsBuffer(bytes) ? bytes : new Uint8Array(bytes);
    pixels = await decoders[format].decode(encoded.buffer as ArrayBuffer);
  } catch (cause) {
    // A decoder that gave up may have left its memory in any state: start it again for the next picture.
    if (format !== 'png') started.delete(format);
    throw badImage(file, `${file} cannot be decoded as ${format.toUpperCase()}.`, cause);
  }
  const { data, width, height } = pixels;
  // Without alpha the same bytes have room for it: decoded pictures are large, and short-lived.
  const rgb = new Uint8Array(data.buffer, data.byteOffset, width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: rgb };
}

/** What a file is by its first bytes, whatever its name says. */
function formatOf(bytes: Uint8Array): Format | 'other' {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG')) return 'png';
  if (text.startsWith('RIFF') && text.endsWith('WEBP')) return 'webp';
  return 'other';
}

/** The decoder fills a truncated JPEG with gray; Pillow refuses it, and so do we. */
function hasJpegEnd(bytes: Uint8Array): boolean {
  for (let i = bytes.length - 2; i >= 2; i--)
    if (bytes[i] === 0xff && bytes[i + 1] === 0xd9) return true;
  return false;
}

/** The decoders return the browser's ImageData, which Node has not. */
function preparePolyfill(): void {
  (globalThis as { ImageData?: unknown }).ImageData ??= class {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  };
}

function badImage(file: string, message: string, cause?: unknown): VernierError {
  return new VernierError(
    'data.bad-image',
    message,
    { file, remedy: 'Replace the picture, or take it out of the folder.' },
    { cause },
  );
}
