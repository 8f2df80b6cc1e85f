/** Words that all results use. Pure types. */

/** A dimension is a number, a symbolic name, or unknown. */
export type Shape = readonly (number | string | null)[];

/** A 95 % interval. */
export interface Interval {
  low: number;
  high: number;
}

/** How a model is written. `float32`: folded and not quantized, where choosing found nothing faster. */
export type Mode = 'static' | 'dynamic' | 'weight-only' | 'float16' | 'float32';
export type Target =
  'x86-vnni' | 'x86-avx2' | 'arm64' | 'nvidia-fp16' | 'tensorrt' | 'fpga-fixed' | 'onnx';
/** Precision of a layer's arithmetic. `mixed`: some of its kernels are integer, some float. */
export type Precision = 'int4' | 'int8' | 'int16' | 'float32' | 'float16' | 'bfloat16' | 'mixed';
export type ObserverName = 'minmax' | 'moving-average' | 'percentile' | 'entropy' | 'mse' | 'auto';

/** A limit of the recipe beside what was measured; both null where it was not. */
export interface LimitResult {
  limit: string;
  wanted: number;
  got: number | null;
  met: boolean | null;
}

/** Something a reader must know; `code` is stable, `message` is a sentence. */
export interface Note {
  code: string;
  severity: 'error' | 'warning' | 'info';
  message: string;
  layer?: string;
  tensor?: string;
  file?: string;
  remedy?: string;
}

/** One tensor that a file holds in codes already, or quantizes while it runs. */
export interface ExistingRange {
  /** The float tensor that is quantized, or the constant that holds codes. */
  tensor: string;
  role: 'activation' | 'weight' | 'bias';
  /** Type of the codes. */
  type: string;
  /** Scale and zero point where there is one of them for all values. */
  scale: number | null;
  zeroPoint: number | null;
  /** Their number, the lowest and the highest; null where they are computed while the model runs. */
  scales: { count: number; min: number; max: number } | null;
  /** Axis of several scales; values that share one, where they are blocks. */
  axis: number | null;
  blockSize: number | null;
  /** The values that the lowest and the highest code of an activation stand for. */
  min: number | null;
  max: number | null;
  /** Nodes that give and read it. */
  producer: string | null;
  consumers: string[];
}

/** Closeness of one tensor to its reference over all samples. */
export interface Closeness {
  sqnrDb: number;
  cosine: number;
  maxAbs: number;
}

/** Outputs of the two models side by side. */
export interface OutputCloseness extends Closeness {
  name: string;
  meanAbs: number;
  /** Values (share) within `atol + rtol·|reference|`. */
  within: number;
  atol: number;
  rtol: number;
}

/** How the sensitivity of layers is found, the cheapest first; each includes the ones before it. */
export type SensitivityStage = 'analytic' | 'two-pass' | 'exact';
