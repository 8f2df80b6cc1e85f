import type { Unit } from '../../quantize/units';

/** The noise that a layer makes: its power, the part of it in every channel, and how alike it is at neighbouring places. */
export interface Made {
  power: number;
  shares: readonly number[] | null;
  /** −1 … 1; null where its axes are no places. */
  coherence: number | null;
}

/** What two passes found of a layer. Powers are means over its output's values. */
export interface LayerPasses {
  unit: Unit;
  /** True where the quantized model has it in integers. */
  integer: boolean;
  /** True where its result becomes codes that no layer reads: their rounding is its own, too. */
  ownResult: boolean;
  /** On exact inputs. */
  made: Made | null;
  /** Power of the noise at its output in the quantized model, before that is rounded; null where it cannot be read. */
  arrived: number | null;
}

/** Power of the signal at an output of the model, and of its noise in the quantized model. */
export interface OutputPower {
  signal: number;
  noise: number;
}
