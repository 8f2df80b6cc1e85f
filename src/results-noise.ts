/** What the noise of layers looks like, and which layers could be looked at. Pure types; see `results.ts`. */

/** The difference of a tensor to FP32's, over all samples. */
export interface NoiseShape {
  /** Its root mean square, in the unit of the tensor. */
  rmse: number;
  /**
   * The same in steps of the layer's output quantizer: near 1/√12 = 0.289 where that rounds and nothing else happens. Null where
   * the output has no codes of 8 bits.
   */
  rmsePerScale: number | null;
  mean: number;
  /** 0 for noise as far above as below its mean; null where it is the same everywhere. */
  skew: number | null;
  /** 1.8 if spread evenly, as by rounding alone, 3 if normal; more where few values make most of it. */
  kurtosis: number | null;
}

/** The noise that a layer makes on exact inputs, before its output quantizer, and that of its output in the written model. */
export interface LayerNoise {
  local: NoiseShape | null;
  accumulated: NoiseShape | null;
}

/** Noise at a layer's output that the layers before it made. */
export interface NoiseCameIn {
  /** The part of the noise at its output: the rest the layer makes itself. */
  share: number;
  /**
   * By how much it has grown on its way through the layer, relative to the signal, in dB; below 0 where it has shrunk. Null
   * where no noise comes in, or that was not measured.
   */
  gainDb: number | null;
}

/** Layers of the source whose output was found in the written model and compared. */
export interface LayerMatch {
  found: number;
  of: number;
  unmatched: string[];
}
