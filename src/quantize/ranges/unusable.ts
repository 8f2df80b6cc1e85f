/** Why an entry of a file of ranges is not used. */
export type Unusable =
  | 'channels'
  | 'float'
  | 'nothing'
  | 'not-finite'
  | 'swapped'
  | 'below-zero'
  | 'scale'
  | 'zero-point'
  | 'type'
  | 'bits';

/** What people are told of such an entry. */
interface Told {
  /** What is so about it, after a colon. */
  why: string;
  /** What to do; null where nothing is wrong. */
  remedy: string | null;
}

/** Entries of whole channels and of floats are what files for other tools hold besides; the others are mistakes. */
export const UNUSABLE: Readonly<Record<Unusable, Told>> = {
  channels: { why: 'there are several scales, and none for the whole tensor', remedy: null },
  float: { why: 'the file keeps it float', remedy: null },
  nothing: {
    why: 'there are no numbers for scale and zero point, nor for both extremes',
    remedy: null,
  },
  'not-finite': {
    why: 'an end is NaN, infinite or beyond float32',
    remedy: 'Calibrate again where the file was made, without the samples that overflow.',
  },
  swapped: {
    why: 'the lowest value is above the highest',
    remedy: 'Exchange both extremes in the file.',
  },
  'below-zero': {
    why: 'the magnitude is below zero',
    remedy: 'Export the ranges in a format with both extremes, such as the JSON of onnxruntime.',
  },
  scale: {
    why: 'the scale is not above zero, or too small or too large for float32',
    remedy: 'Correct the scale in the file, or give rmin and rmax.',
  },
  'zero-point': {
    why: 'the zero point is no code of the type',
    remedy: 'Correct the zero point, or the type, in the file.',
  },
  type: {
    why: 'the type is none of uint8, int8, uint16 and int16',
    remedy: 'Write one of these types, or give the extremes without a type.',
  },
  bits: {
    why: 'the bit width is no whole number from 2 to 32',
    remedy: 'Correct bw in the file.',
  },
};
