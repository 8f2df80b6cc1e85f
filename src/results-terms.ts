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
