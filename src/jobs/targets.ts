import type { TargetFamily } from '../quantize/operators';
import type { Mode, Target } from '../results';

/** What a target asks of the numbers in a file. */
export interface TargetTraits {
  /** Whose operators these are. */
  family: TargetFamily;
  /** Types of activations that it takes; the first where a recipe says nothing. */
  activations: readonly ('uint8' | 'int8')[];
  /** Activations with zero point 0 only. */
  symmetric: boolean;
  /** Scales that are powers of two only. */
  powerOfTwo: boolean;
  /** The bias stays float instead of int32. */
  floatBias: boolean;
  /** Modes whose operators it has; null for all. */
  modes: readonly Mode[] | null;
  /** Who executes the file, where that is not onnxruntime on this kind of machine. */
  executedBy: string | null;
}

/** True where files for a target can hold activations of 16 bits. */
export function holdsWide({ family }: TargetTraits): boolean {
  return family === 'cpu' || family === 'onnx';
}

const ON_CPU: TargetTraits = {
  family: 'cpu',
  activations: ['uint8', 'int8'],
  symmetric: false,
  powerOfTwo: false,
  floatBias: false,
  modes: null,
  executedBy: null,
};

/** Every target that a recipe can name. */
export const TARGETS: Readonly<Record<Target, TargetTraits>> = {
  'x86-vnni': ON_CPU,
  'x86-avx2': ON_CPU,
  arm64: { ...ON_CPU, activations: ['int8', 'uint8'], executedBy: 'onnxruntime on ARM64' },
  'nvidia-fp16': {
    ...ON_CPU,
    modes: ['float16'],
    executedBy: 'onnxruntime on NVIDIA GPUs',
  },
  onnx: { ...ON_CPU, family: 'onnx' },
  tensorrt: {
    family: 'tensorrt',
    activations: ['int8'],
    symmetric: true,
    powerOfTwo: false,
    floatBias: true,
    modes: ['static', 'float16'],
    executedBy: 'TensorRT',
  },
  'fpga-fixed': {
    family: 'fpga-fixed',
    activations: ['int8'],
    symmetric: true,
    powerOfTwo: true,
    floatBias: false,
    modes: ['static'],
    executedBy: 'the fixed-point design',
  },
};
