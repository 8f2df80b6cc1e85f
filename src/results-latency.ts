/** Times of both models, whole and by layer. Pure types; see `results.ts`. */
import type { Interval, Precision } from './results-terms';

export interface LatencyResult {
  fp32Ms: number;
  int8Ms: number;
  /** Median ratio fp32/int8 of interleaved pairs with its interval. */
  speedup: number;
  low: number;
  high: number;
  fp32P50: number;
  fp32P99: number;
  int8P50: number;
  int8P99: number;
  /** Intra-op threads of both sessions; 0 is the runtime's default. */
  threads: number;
  pairs: number;
  /** `not proven`: faster by the median, but the interval has 1 in it. */
  verdict: 'faster' | 'not proven' | 'not faster here';
  /** Where the time goes; null where the nodes were not timed. */
  profile: LatencyProfile | null;
}

/** A median with its interval. */
export interface TimeChange extends Interval {
  value: number;
}

/** What one layer takes of one run, medians. */
export interface LayerShare {
  /** Its own kernels; zero where another layer's kernel runs it. */
  ms: number;
  /** Conversions of type and layout of which it is the first to read the result. */
  conversionMs: number;
  /** The layer in whose kernel it runs; null where it has its own. */
  in: string | null;
}

/** One layer in the profiles of both models. */
export interface LayerTime {
  layer: string;
  /** Layers that share kernels in either model are compared as one, under the name of the first with a weight. */
  group: string;
  /** Null where it is not seen in the graph that the runtime executes. */
  fp32: LayerShare | null;
  int8: LayerShare | null;
  /**
   * What the written model takes more in the whole group, with its conversions: median over interleaved runs. Only in the row of
   * the layer that gives the group its name; null in others.
   */
  changeMs: TimeChange | null;
  /** True where the interval of that change is above zero. */
  slower: boolean;
}

/** Kernels of one kind in one model, the most time first. */
export interface KernelTime {
  kernel: string;
  precision: Precision;
  role: 'layer' | 'conversion' | 'other';
  nodes: number;
  /** Median of their sum. */
  ms: number;
  /** Of {@link ModelTime.runMs}. */
  share: number;
}

/** Where one model spends its time. */
export interface ModelTime {
  /** The time in kernels, by the profiler, and {@link outsideMs}. */
  runMs: number;
  /** What a run without the profiler takes more than the kernels: the runtime's own work between them. */
  outsideMs: number;
  kernels: KernelTime[];
}

/** What keeps the written model from being faster: the largest part of its run that INT8 does not shorten. */
export interface LatencyCause {
  kind: 'float kernels' | 'conversions' | 'outside of kernels' | 'integer kernels';
  /** The operator of the float kernels; null for other kinds. */
  op: string | null;
  /** Of the written model's run. */
  share: number;
}

/** Layers that are slower than in FP32, and what keeping them there should save, not counting new conversions around them. */
export interface LatencyFix {
  layers: string[];
  savesMs: number;
}

/** Times of single nodes of both models, by the runtime's profiler, mapped back to the layers of the file. */
export interface LatencyProfile {
  runs: number;
  /** Intra-op threads of both sessions; 0 is the runtime's default. */
  threads: number;
  fp32: ModelTime;
  int8: ModelTime;
  layers: LayerTime[];
  cause: LatencyCause | null;
  /** The most to save first. */
  fixes: LatencyFix[];
  /** Share of the time in kernels, in both models, whose nodes were found in the graphs that the runtime wrote. */
  matched: number;
}
