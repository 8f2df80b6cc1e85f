import type { Model } from '../../onnx';
import type { Balances } from '../../quantize/balance';
import type { BiasChange, CorrectedBiases } from '../../quantize/bias-correction';
import type { LocalModel } from '../../quantize/experiments';
import type { TensorParams } from '../../quantize/parameters';
import type { Placement, UnitPlacement } from '../../quantize/placement';
import type { WrittenCodes } from '../../quantize/qdq';
import type { Unit } from '../../quantize/units';
import type { WideTensor } from '../../quantize/wide';
import type { Headroom } from '../../quantize/weights';
import type { LayerWish } from '../../recipe/match';
import type { Note } from '../../results';
import type { Plan } from '../plan';
import type { Calibrated } from '../stages/calibrate';
import type { Subject } from '../subject';

/** A quantized model, and what is known of how it came about. */
export interface Quantized {
  model: Model;
  units: UnitPlacement[];
  wishes: Map<string, LayerWish>;
  placement: Placement | null;
  /** Parameters of every quantized tensor; empty where activations have none of their own. */
  params: Map<string, TensorParams>;
  /** Tensors whose channels are balanced with the weights that read them, in mode static. */
  balances?: Balances;
  codesOf(tensor: string): WrittenCodes | undefined;
  /** Float32 inputs and outputs of the model have become float16. */
  inHalf?: boolean;
  /** Tensors in 16 bits, in mode static. */
  wide?: ReadonlyMap<string, WideTensor>;
  weightScales: Map<string, Float32Array>;
  /** What bias correction did, by layer; empty where it was not asked for. */
  biasChanges: ReadonlyMap<string, BiasChange>;
  /**
   * For experiments with single layers: the bias by which each, quantized alone on exact inputs, gives FP32's means. Left out
   * where biases are not corrected. Of parts of layers by `partName`, where those were corrected.
   */
  aloneBiases?: ReadonlyMap<string, Float32Array>;
  /** Largest codes that layers read, where weights leave headroom for pairs of products (x86 without VNNI). */
  headroom?: ReadonlyMap<string, Headroom>;
  /** Both were no layer kept, for experiments with single layers: what those find does not depend on what is kept. */
  alone?(): Pick<Quantized, 'balances' | 'headroom'>;
  notes: Note[];
  /** Gives back what it holds on disk: the model cannot be read afterwards. */
  release(): void;
}

/** What a mode made of a model; the stage adds the rest. */
export type WrittenByMode = Omit<Quantized, 'wishes' | 'release'>;

/** All that a mode may ask. */
export interface ModeInput {
  plan: Plan;
  subject: Subject;
  /** Null where the recipe names no data, or the mode does not ask for it. */
  calibrated: Calibrated | null;
  /** Layers to keep in FP32, by name. */
  keep: ReadonlySet<string>;
  wishes: ReadonlyMap<string, LayerWish>;
  corrected: CorrectedBiases | null;
}

/** One way to quantize a model: `quantization.mode` in the recipe. Floats stay floats where it says nothing. */
export interface QuantizationMode {
  /** Quantizes in memory. Throws what the recipe lacks. */
  quantize(input: ModeInput): Promise<WrittenByMode>;
  /** What to do where no layer of a model can be quantized this way. */
  readonly remedy: string;
  /** A model without a quantized layer is what it means, not a failure. */
  readonly mayBeEmpty?: boolean;
  /**
   * How one layer is tried alone: a quantized twin beside the FP32 layer (static), or the model written again with all
   * others kept.
   */
  readonly experiments: 'twin' | 'rewrite';
  /** For `rewrite`: layers that may be tried alone. */
  canQuantize(unit: Unit, subject: Subject): boolean;
  /** For `rewrite`: the FP32 model with quantized twins that read exact inputs, where the mode can make one. */
  localModel?(input: ModeInput): LocalModel;
  /** Tensors that calibration looks at besides those that may be quantized, each in full. */
  taps?(subject: Subject): string[];
  /**
   * Makes the model that does here what the written one does on the hardware it is for, where the runtime does otherwise;
   * null where it does the same.
   */
  simulate?(plan: Plan): ((written: Model) => Model) | null;
  /** What the written file says of itself besides source, mode and target. */
  metadata(plan: Plan): [key: string, value: string][];
}
