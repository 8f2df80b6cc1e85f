/** What searching for the best quantization finds: pure types, as in results.ts, whose rules hold here too. */
import type { ModeTrial } from './results-choice';
import type { Note, Target } from './results-terms';

/** A way to quantize, as a recipe writes it. */
export interface SearchCandidate {
  /** What it is, in the words of the log: unique within a search. */
  name: string;
  mode: ModeTrial['mode'];
  /** `quantization:` of a recipe. */
  quantization: Record<string, unknown>;
  /** Added to `keep_fp32:`. */
  keep: (string | { op: string })[];
  /** Layers that get 16-bit activations. */
  wide: string[];
}

/** One candidate that was tried, or was not worth trying, and what became of it. */
export interface SearchTry extends ModeTrial, SearchCandidate {
  /** Samples that it was compared on; 0 where it was not. */
  samples: number;
  /** The try that was timed for this one, where that one runs the same kernels; null where it was timed itself, or not at all. */
  timedAs: string | null;
  /** `chosen`: the result. `kept`: in the last comparison. `dropped`: lost on the way. `failed`, `skipped`: not measured. */
  state: 'chosen' | 'kept' | 'dropped' | 'failed' | 'skipped';
  /** Why it is not the result, in a sentence; null for what is. */
  why: string | null;
  /** Seconds that went into it. */
  seconds: number;
}

/** Which quantization is best for a model on this machine, and all that was tried to find out. */
export interface SearchResult {
  model: string;
  recipe: string | null;
  target: Target;
  /** In the order in which they were tried. */
  tries: SearchTry[];
  /** Index of the try that won; null where the model stays in FP32. */
  chosen: number | null;
  /** Why, in a sentence. */
  reason: string;
  /** What a try had to keep, in a sentence. */
  rule: string;
  /** The limits of the recipe that neither a try nor FP32 meets, in a sentence; null where something meets all. */
  missed: string | null;
  /** The recipe with the quantization that won written out: it gives the same bytes. Null where the model stays in FP32. */
  text: string | null;
  measuredOn: { samples: number; source: string; random: boolean };
  machine: string;
  threads: number;
  runtime: string;
  fp32Bytes: number;
  /** Seconds that were given, and that were spent, over all times that this search ran. */
  budgetSeconds: number;
  seconds: number;
  /** True where the time was over before all was tried: this is the best so far. */
  stopped: boolean;
  /** What is doubtful about the recipe; a run has that in notes of its own. */
  notes?: Note[];
}
