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
