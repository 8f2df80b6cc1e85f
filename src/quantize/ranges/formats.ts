/** Formats of files with ranges that are read and written. */
export type RangeFormat =
  | 'onnxruntime'
  | 'onnxruntime-flatbuffers'
  | 'onnxruntime-text'
  | 'tensorrt'
  | 'aimet'
  | 'overrides';

/** Every format that is written, by its name on the command line. */
export const RANGE_FORMATS: readonly RangeFormat[] = [
  'onnxruntime',
  'onnxruntime-flatbuffers',
  'onnxruntime-text',
  'tensorrt',
  'aimet',
  'overrides',
];

/**
 * True where a file can say that its ranges come from random data: in what the format's own readers pass over. TensorRT's cache
 * is lines of tensors alone.
 */
export function marksRandom(format: RangeFormat): boolean {
  return format !== 'tensorrt';
}
