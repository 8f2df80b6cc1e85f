import type { MetricName, Mode, ObserverName, SensitivityStage, Target } from '../results';
import type { LayerChoices } from './match';
import { modeFor } from './modes';
import { scaleValue, type ImageRecipe, type Quantization, type Recipe } from './schema';

/** `[width, height]` exactly, or the length of one side. */
export type ImageSize = number | [number, number];

/** How image files become tensors: `(pixel · scale − mean) / std`. */
export interface ResolvedImage {
  /** The shorter side, or `[w, h]`; null leaves the size as it is. */
  resize: ImageSize | null;
  crop: ImageSize | null;
  filter: NonNullable<ImageRecipe['filter']>;
  color: NonNullable<ImageRecipe['color']>;
  scale: number;
  /** One value, or one per channel. */
  mean: number[];
  std: number[];
  layout: 'nchw' | 'nhwc';
}

/** Integer types of activations. */
export type ActivationType = 'uint8' | 'int8' | 'uint16' | 'int16';

export type LimitName = keyof NonNullable<Recipe['limits']>;

/** A recipe in which everything is said: no key is left open, `null` means *none*. */
export interface ResolvedRecipe extends LayerChoices {
  model: string;
  output: string;
  /** `auto` is decided by the machine that runs it. */
  target: 'auto' | Target;
  calibration: {
    /** Empty where all ranges or statistics come from a file. */
    data: string[];
    /** True if the data is `random`. */
    random: boolean;
    image: ResolvedImage;
    samples: number;
    seed: number;
    statistics: 'full' | 'minmax';
    /** A file of statistics, in place of running over the data. */
    statisticsFile: string | null;
    /** A file of ranges from elsewhere. */
    ranges: string | null;
  } | null;
  inputs: Record<string, { shape: number[] | null; range: [number, number] | null }>;
  quantization: {
    /** With `auto` the one that is taken until measuring has chosen. */
    mode: Mode;
    /** The mode is chosen by measuring. */
    auto: boolean;
    activations: { type: ActivationType; observer: ObserverName; percentile: number };
    weights: { type: 'int8'; granularity: 'channel' | 'tensor' };
    improve: readonly ('equalize' | 'bias-correction')[];
    /** Null in other modes. */
    weightOnly: ResolvedWeightOnly | null;
    /** Null in other modes than float16. */
    half: { type: 'float16' | 'bfloat16'; keepIo: boolean } | null;
  };
  /** What the target `fpga-fixed` asks of the design. */
  fixed: { accumulatorBits: number; testVectors: number };
  evaluate: {
    data: string[];
    random: boolean;
    labels: string | null;
    /** Null: decided by the labels and the outputs. */
    metric: MetricName | null;
    /** Null: all of them. */
    samples: number | null;
    image: ResolvedImage;
  } | null;
  limits: Partial<Record<LimitName, number>>;
  latency: { threads: number; pairs: number; seconds: number };
  sensitivity: { stage: SensitivityStage; samples: number; budgetSeconds: number };
  /** `wanted`: the recipe says `quantization: auto`. */
  search: { wanted: boolean; budgetSeconds: number };
}

type Weights = NonNullable<Quantization['weights']>;

/** How mode weight-only stores weights. */
export interface ResolvedWeightOnly {
  type: NonNullable<Weights['type']>;
  /**
   * The type of embedding tables, whose error enters every layer, and of small output layers, whose error nothing averages:
   * 8 bits.
   */
  outer: 'int8' | 'uint8';
  granularity: NonNullable<Weights['granularity']>;
  block: NonNullable<Weights['block']>;
  method: NonNullable<Weights['method']>;
  /** Null: decided by the target. */
  form: NonNullable<Weights['form']> | null;
  accuracyLevel: NonNullable<Weights['accuracy_level']>;
}

/** What a recipe means where it says nothing. */
export const defaults = {
  calibration: { samples: 128, seed: 0, statistics: 'full' },
  image: { filter: 'bilinear', color: 'rgb', scale: 1 / 255, mean: 0, std: 1, layout: 'nchw' },
  quantization: {
    mode: 'static',
    activations: { type: 'uint8', observer: 'auto', percentile: 99.99 },
    weights: { type: 'int8', granularity: 'channel' },
    improve: ['equalize', 'bias-correction'],
  },
  weightOnly: {
    type: 'uint4',
    granularity: 'block',
    block: 32,
    method: 'rtn',
    accuracy_level: 4,
  },
  half: { type: 'float16', keep_io: true },
  fixed: { accumulator_bits: 32, test_vectors: 1 },
  latency: { threads: 0, pairs: 200, seconds: 3 },
  sensitivity: { stage: 'exact', samples: 32, budget_s: 60 },
  search: { budget_s: 60 },
} as const;

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
const isRandom = (data: string[]) => data.length === 1 && data[0] === 'random';

/** Fills in every default. This is the only place where defaults are decided. */
export function resolveRecipe(recipe: Recipe): ResolvedRecipe {
  const { calibration, evaluate, quantization, latency, sensitivity } = recipe;
  const image = resolveImage(calibration?.image);
  const calibrationData = calibration?.data
    ? list(calibration.data)
    : (calibration?.ranges ?? calibration?.statistics_file) !== undefined
      ? []
      : null;
  const evaluateData = evaluate?.data ? list(evaluate.data) : null;
  const mode = modeFor(quantization?.mode, recipe.target);
  const half = mode === 'float16' ? resolveHalf(quantization?.half) : null;
  return {
    model: recipe.model,
    output: recipe.output ?? defaultOutput(recipe.model, half?.type ?? suffixOf(quantization)),
    target: recipe.target ?? 'auto',
    calibration: calibrationData && {
      data: calibrationData,
      random: isRandom(calibrationData),
      image,
      samples: calibration?.samples ?? defaults.calibration.samples,
      seed: calibration?.seed ?? defaults.calibration.seed,
      statistics: calibration?.statistics ?? defaults.calibration.statistics,
      statisticsFile: calibration?.statistics_file ?? null,
      ranges: calibration?.ranges ?? null,
    },
    inputs: Object.fromEntries(
      Object.entries(recipe.inputs ?? {}).map(([name, { shape, range }]) => [
        name,
        { shape: shape ?? null, range: range ?? null },
      ]),
    ),
    quantization: {
      mode: mode === 'auto' ? defaults.quantization.mode : mode,
      auto: mode === 'auto',
      activations: { ...defaults.quantization.activations, ...quantization?.activations },
      weights: resolveWeights(quantization?.weights),
      improve: quantization?.improve ?? improvementsOf(mode),
      weightOnly:
        quantization?.mode === 'weight-only' ? resolveWeightOnly(quantization.weights) : null,
      half,
    },
    fixed: {
      accumulatorBits: recipe.fixed?.accumulator_bits ?? defaults.fixed.accumulator_bits,
      testVectors: recipe.fixed?.test_vectors ?? defaults.fixed.test_vectors,
    },
    keepFp32: recipe.keep_fp32 ?? [],
    layers: recipe.layers ?? [],
    evaluate: evaluateData && {
      data: evaluateData,
      random: isRandom(evaluateData),
      labels: evaluate?.labels ?? null,
      metric: evaluate?.metric ?? null,
      samples: evaluate?.samples ?? null,
      image: evaluate?.image ? resolveImage({ ...calibration?.image, ...evaluate.image }) : image,
    },
    limits: recipe.limits ?? {},
    latency: { ...defaults.latency, ...latency },
    sensitivity: {
      stage: sensitivity?.stage ?? defaults.sensitivity.stage,
      samples: sensitivity?.samples ?? defaults.sensitivity.samples,
      budgetSeconds: sensitivity?.budget_s ?? defaults.sensitivity.budget_s,
    },
    search: {
      wanted: quantization?.search ?? false,
      budgetSeconds: recipe.search?.budget_s ?? defaults.search.budget_s,
    },
  };
}

/** What wins accuracy back where the recipe does not say: correction needs ranges, which other modes do not have. */
export function improvementsOf(mode: Mode | 'auto'): ResolvedRecipe['quantization']['improve'] {
  return mode === 'static' || mode === 'auto' ? defaults.quantization.improve : [];
}

/** The weights of modes that quantize activations too. What only mode weight-only knows is refused there. */
function resolveWeights(weights: Weights | undefined): ResolvedRecipe['quantization']['weights'] {
  const { type, granularity } = defaults.quantization.weights;
  const written = weights?.granularity;
  return {
    type,
    granularity: written === undefined || written === 'block' ? granularity : written,
  };
}

function resolveWeightOnly(weights: Weights | undefined): ResolvedWeightOnly {
  const { type, granularity, block, method, accuracy_level } = {
    ...defaults.weightOnly,
    ...weights,
  };
  return {
    type,
    outer: type.startsWith('u') ? 'uint8' : 'int8',
    granularity,
    block,
    method,
    form: weights?.form ?? null,
    accuracyLevel: accuracy_level,
  };
}

function resolveImage(image: ImageRecipe | undefined): ResolvedImage {
  const { filter, color, layout } = { ...defaults.image, ...image };
  return {
    resize: image?.resize ?? null,
    crop: image?.crop ?? null,
    filter,
    color,
    scale: scaleValue(image?.scale ?? defaults.image.scale),
    mean: list(image?.mean ?? defaults.image.mean),
    std: list(image?.std ?? defaults.image.std),
    layout,
  };
}

function resolveHalf(half: Quantization['half']): ResolvedRecipe['quantization']['half'] {
  const { type, keep_io } = { ...defaults.half, ...half };
  return { type, keepIo: keep_io };
}

/** `NAME.int8.onnx` beside the recipe, wherever the model is. @param precision what stands instead of `int8` */
export function defaultOutput(model: string, precision = 'int8'): string {
  const name = model.split(/[\\/]/).at(-1) ?? model;
  return `${name.replace(/\.onnx$/i, '') || 'model'}.${precision}.onnx`;
}

/** What the name of the written file says of its weights. */
function suffixOf(quantization: Recipe['quantization']): string {
  if (quantization?.mode !== 'weight-only') return 'int8';
  return resolveWeightOnly(quantization.weights).type.replace(/^u/, '');
}
