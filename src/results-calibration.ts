/** What calibration finds, as a part of the results. Pure types. */
import type { ObserverName } from './results-terms';

/** What calibration found of one tensor, and what the observer made of it. */
export interface RangeSummary {
  tensor: string;
  /** Layers that read or write it. */
  producer: string | null;
  consumers: string[];
  min: number;
  max: number;
  /** Quantization parameters chosen, or null if this tensor is not quantized. */
  scale: number | null;
  zeroPoint: number | null;
  type: 'uint8' | 'int8' | 'uint16' | 'int16' | null;
  /**
   * Scales of the channels (axis 1) where each has its own: of a convolution's output that only float layers read, and of what
   * was balanced with the weights that read it;
   * `scale` and `zeroPoint` are then those of the channel with the widest range. Null where there is one scale.
   */
  channelScales: number[] | null;
  /**
   * What its readers tell apart, where that is less than was seen: below and above they make the same of every value, so the
   * range ends there. An end that is read to infinity is null. Left out where all is read.
   */
  read?: { min: number | null; max: number | null };
  /** Count of samples that held a NaN or an infinity. */
  notFinite: number;
  /** The first few of these samples by name; left out where there are none. */
  notFiniteIn?: string[];
  /** How much narrower half of the samples would leave it, as a share; null where too few were seen to tell. */
  growth: number | null;
  /** Share of the values outside its quantizer's range on samples that were not calibrated on; null if not measured. */
  outOfRange: number | null;
  /** Up to 64 counts over [min, max], for sparklines. */
  sparkline: number[];
}

/** The range that an observer chooses, and the SQNR to expect of it at the tensor itself, rounding and clipping alike. */
export interface ObservedRange {
  name: ObserverName;
  min: number;
  max: number;
  /** Null where only extremes were kept. */
  expectedDb: number | null;
}

/** A tensor in full, pulled by the Ranges view. */
export interface RangeDetail extends RangeSummary {
  /** The observer whose range this is; null if the tensor is not quantized. */
  observer: ObserverName | null;
  /** What every observer would choose; empty where the values make no range. */
  observers: ObservedRange[];
  samples: number;
  /** Ascending edges, one more than `counts`. */
  edges: number[];
  counts: number[];
  /** Min and max of every channel, or null where the tensor has no channel axis. */
  channels: { min: number[]; max: number[] } | null;
  /** Mean and standard deviation; null where only extremes were kept. */
  mean: number | null;
  std: number | null;
}

export interface CalibrationSummary {
  samples: number;
  /** What the recipe named, e.g. `images/*.jpg` or `random`. */
  source: string;
  random: boolean;
}

/** A file of statistics that was written. */
export interface WrittenStatistics {
  file: string;
  /** Key of model, data, settings and runtime: parts of one key merge. */
  key: string;
  /** Samples `from` (inclusive) to `to` (exclusive) of `total` are in it. */
  from: number;
  to: number;
  total: number;
  tensors: number;
}

/** A file of ranges that was written, and the tensors that have no range to write. */
export interface WrittenRanges {
  file: string;
  format: string;
  tensors: number;
  left: { tensor: string; reason: string }[];
  /** The ranges come from random data, and the format has no place to say so. */
  unmarked: boolean;
}

/** What `vernier merge` did. */
export interface MergeResult {
  output: string;
  parts: number;
  samples: number;
  tensors: number;
  /** Name of the model's file, and what its data was named. */
  model: string;
  source: string;
  random: boolean;
  key: string;
}

/** Calibration samples beside what a model saw in training, at its first BatchNormalization. */
export interface TrainingLikeness {
  node: string;
  samples: number;
  /**
   * Medians over channels: divergence (nats) of what was measured from the running mean and variance, both taken as normal
   * distributions; distance of the means in running standard deviations; ratio of the variances.
   */
  divergence: number;
  shift: number;
  variance: number;
  /** The divergence is more than that of other samples of the same kind. */
  unlike: boolean;
  /** What explains it: so prepared, the samples are like those of training. */
  suspicion: {
    code: 'scale' | 'channels' | 'layout';
    input: string;
    meant: string;
    remedy: string;
    divergence: number;
  } | null;
}

/** What is known of a calibration besides its ranges. */
export interface CalibrationReport {
  /** The file that ranges were taken from, its format, and how many of the model's tensors it names; null without one. */
  ranges: { file: string; format: string; tensors: number } | null;
  /**
   * How ranges settled with the number of samples: so many would have given every range to 2 %, but for those that still
   * grow, by the share that half of the samples would miss. Null without data.
   */
  convergence: {
    samples: number;
    enough: number | null;
    growing: { tensor: string; growth: number }[];
  } | null;
  /** Samples that were not calibrated on, on which {@link RangeSummary.outOfRange} was counted; null before. */
  heldBack: { samples: number } | null;
  /** Null where the model has no BatchNormalization of its own any more, or the data is random or not here. */
  likeness: TrainingLikeness | null;
}

/** What a calibration will take, known before its first sample is run. */
export interface CalibrationEstimate {
  /** Tensors that are looked at. */
  tensors: number;
  /** Their bytes in the first sample. */
  sampleBytes: number;
  /** Resident memory of the worker at its highest, in bytes. */
  memory: number;
}
