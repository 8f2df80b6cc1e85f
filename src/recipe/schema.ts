import * as z from 'zod';

/**
 * The recipe language: one definition from which the TypeScript type, the JSON Schema for editors, the
 * descriptions shown on hover and the list of completions are made. It holds what this version carries
 * out; words that the language has beyond that are in `later.ts`.
 */

const text = (description: string) => z.string().min(1).meta({ description });
const count = (least: number, description: string) => z.int().min(least).meta({ description });
const above0 = (description: string) => z.number().positive().meta({ description });

/** An enumeration whose words are each explained. */
function words<const T extends Record<string, string>>(description: string, entries: T) {
  const names = Object.keys(entries) as [keyof T & string, ...(keyof T & string)[]];
  return z.enum(names).meta({ description, enumDescriptions: Object.values(entries) });
}

const fraction = /^\s*(\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)\s*$/;

/** The number that `scale:` means: a number, or text like `1/255`. NaN where it is neither. */
export function scaleValue(scale: number | string): number {
  if (typeof scale === 'number') return scale;
  const match = fraction.exec(scale);
  return match ? Number(match[1]) / Number(match[2]) : NaN;
}

const side = z.int().min(1);
const size = z.union([side, z.tuple([side, side])]);
const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);
const perChannelAbove0 = z.union([z.number().positive(), z.array(z.number().positive()).min(1)]);
const data = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).meta({
  description:
    'A folder or glob of images, a `.npy` or `.npz` file, an ONNX `test_data_set_*` folder, or `random`. Paths start at the recipe.',
});

const image = z
  .strictObject({
    resize: size
      .optional()
      .meta({ description: 'Length of the shorter side, or `[width, height]`, in pixels.' }),
    crop: size
      .optional()
      .meta({ description: 'Centre crop: one side of a square, or `[width, height]`, in pixels.' }),
    filter: words('Resampling filter, antialiased as Pillow does it.', {
      nearest: 'the nearest pixel',
      bilinear: 'triangle filter (default)',
      bicubic: 'cubic filter, a = −0.5',
      lanczos: 'windowed sinc of radius 3',
      box: 'mean of the covered pixels',
      hamming: 'Hamming window',
    }).optional(),
    color: words('Channels that the model expects.', {
      rgb: 'red, green, blue (default)',
      bgr: 'blue, green, red, as OpenCV reads images',
      gray: 'one channel of luminance',
      y: 'the Y of YCbCr',
    }).optional(),
    scale: z
      .union([z.number(), z.string()])
      .refine((value) => Number.isFinite(scaleValue(value)) && scaleValue(value) !== 0)
      .optional()
      .meta({
        description:
          'Factor on the pixels before mean and std: a number, or text like `1/255` (default). `1` keeps 0…255.',
      }),
    mean: perChannel
      .optional()
      .meta({ description: 'Subtracted after scaling: a number, or one per channel.' }),
    std: perChannelAbove0
      .optional()
      .meta({ description: 'Divides after the mean: a number, or one per channel.' }),
    layout: words('Order of the axes that the model expects.', {
      nchw: 'channels before rows and columns (default)',
      nhwc: 'channels last',
    }).optional(),
  })
  .meta({ description: 'How image files become tensors.' });

const observer = words('How a range is read off the calibration data.', {
  minmax: 'the extremes seen',
  'moving-average': 'a running average of the extremes of each batch',
  percentile: 'most of the values, as `percentile` says; the rest is clipped',
  entropy: 'the threshold that loses least information (KL divergence, as TensorRT does)',
  mse: 'the least squared error of rounding and clipping together',
  auto: 'for each tensor the range of least error where it is read, in which clipping counts more than rounding; the extremes unless another gains 0.1 dB (default)',
});

const pattern = z.union([
  text('A layer’s name, or a glob: `*` stands for anything, `?` for one character.'),
  z
    .strictObject({ op: text('An operator: every layer of this type, e.g. `Softmax`.') })
    .meta({ description: 'Layers by operator.' }),
]);

const weightTypes = {
  int8: 'symmetric, −127…127, or −128…127 in mode weight-only (default)',
  int4: 'symmetric, −8…7; mode weight-only',
  uint8: '0…255 with a zero point for every scale; mode weight-only',
  uint4: '0…15 with a zero point for every scale; mode weight-only (default there)',
};
const weightType = words(
  'Integer type of weights. In mode weight-only embedding tables and small output layers have 8 bits all the same, unless `layers:` says otherwise.',
  weightTypes,
);

/** One of a few numbers. */
function numbers<const T extends readonly [number, ...number[]]>(
  description: string,
  values: T,
  meanings: readonly string[] = values.map(String),
) {
  return z.literal(values).meta({ description, enumDescriptions: [...meanings] });
}

const layerRule = z
  .strictObject({
    match: pattern.meta({ description: 'Which layers: a name, a glob, or `{ op: … }`.' }),
    precision: words('Precision of these layers.', {
      fp32: 'keep them in FP32',
      int8: 'quantize them, though `keep_fp32` or a rule above says otherwise',
      int16: 'the same with 16-bit activations, of the sign that the others have; mode static',
    }).optional(),
    observer: observer.optional(),
    weights: words(
      'Integer type of the weights of these layers; mode weight-only.',
      weightTypes,
    ).optional(),
    activations: words('Integer type of what these layers read and write; mode static.', {
      uint16: '0…65535 with a zero point',
      int16: '−32768…32767 with a zero point',
    }).optional(),
  })
  .meta({ description: 'What is different for some layers. The last rule that matches decides.' });

/** The whole recipe. */
export const recipeSchema = z
  .strictObject({
    model: text(
      'The ONNX model to quantize. It is never overwritten. The path starts at the recipe.',
    ),
    output: text(
      'Where the quantized model goes; `NAME.int8.onnx` beside the recipe by default.',
    ).optional(),
    target: words('The machine that the model is written for.', {
      auto: 'the machine this runs on; what it was is written into the result (default)',
      'x86-vnni': 'x86-64 with VNNI or AVX-512 VNNI: full-range weights',
      'x86-avx2': 'x86-64 without VNNI: weights in 7 bits where products could saturate',
      arm64: 'ARM 64 with dot-product instructions',
      'nvidia-fp16': 'NVIDIA GPUs: float16 with what does not fit left in float32; mode float16',
      onnx: 'plain ONNX Q/DQ of ONNX’s own operators, for a runtime of which nothing is known',
      tensorrt:
        'NVIDIA TensorRT’s explicit quantization: symmetric int8, float biases, Q/DQ where its fusions want them',
      'fpga-fixed':
        'fixed point for FPGAs: power-of-two scales, shifts instead of multiplications, simulated bit by bit and exported as C header and JSON; mode static',
    }).optional(),
    calibration: z
      .strictObject({
        data: data.optional(),
        image: image.optional(),
        samples: count(1, 'How many samples are used at most; 128 by default.').optional(),
        seed: count(0, 'Seed of what is drawn at random; 0 by default.').optional(),
        statistics: words('What is kept of every tensor in the one pass over the data.', {
          full: 'extremes, moments and a histogram: every observer can be chosen later (default)',
          minmax:
            'extremes alone, in about half the time: only the observers minmax and moving-average can use them',
        }).optional(),
        statistics_file: text(
          'Statistics that `vernier calibrate` or `vernier merge` wrote, in place of reading the data again.',
        ).optional(),
        ranges: text(
          'Ranges from elsewhere, instead of the data’s or besides them: onnxruntime’s calibration table, AIMET encodings, or TensorQuantOverrides.',
        ).optional(),
      })
      .optional()
      .meta({ description: 'The data that activation ranges are read from.' }),
    inputs: z
      .record(
        z.string(),
        z.strictObject({
          shape: z
            .array(z.int().min(1))
            .optional()
            .meta({ description: 'The whole shape, e.g. `[1, 128]`.' }),
          range: z
            .tuple([z.number(), z.number()])
            .refine(([low, high]) => low < high)
            .optional()
            .meta({ description: 'Lowest and highest value, e.g. `[0, 64]`, for random data.' }),
        }),
      )
      .optional()
      .meta({ description: 'Shapes and ranges of inputs, only where the model leaves them open.' }),
    quantization: z
      .strictObject({
        mode: words('What is quantized, and when.', {
          static: 'weights and activations; ranges come from calibration (default)',
          dynamic: 'weights now, activations while the model runs; needs no calibration',
          'weight-only': 'weights in 4 or 8 bits, activations in float; needs no calibration',
          float16:
            'everything in half precision but what does not fit; calibration data says what does not',
          auto: 'what measuring static, dynamic and FP32 on this machine finds best; what it was is written into the result',
        }).optional(),
        activations: z
          .strictObject({
            type: words('Integer type of activations.', {
              uint8: '0…255 with a zero point (default)',
              int8: '−128…127 with a zero point',
              uint16: '0…65535 with a zero point; computed in float on CPUs',
              int16: '−32768…32767 with a zero point; computed in float on CPUs',
            }).optional(),
            observer: observer.optional(),
            percentile: z.number().min(50).max(100).optional().meta({
              description:
                'Share of the values that the observer `percentile` keeps inside, in percent; half of the rest is clipped at either end. 99.99 by default.',
            }),
          })
          .optional()
          .meta({ description: 'How activations are quantized.' }),
        weights: z
          .strictObject({
            type: weightType.optional(),
            granularity: words('How many scales a weight has.', {
              channel: 'one per output channel (default)',
              tensor: 'one for the whole tensor',
              block:
                'one per `block` weights along the input axis; the default of mode weight-only',
            }).optional(),
            block: numbers(
              'Weights that share a scale with granularity block; 32 by default.',
              [16, 32, 64, 128, 256],
            ).optional(),
            method: words('How scale and zero point of a block are chosen.', {
              rtn: 'round to nearest, clipped where that makes the squared error smaller (default)',
              hqq: 'half-quadratic quantization; uint4 and uint8 only',
            }).optional(),
            form: words('What reads the weights in mode weight-only.', {
              'matmul-nbits':
                'MatMulNBits and GatherBlockQuantized, onnxruntime’s own operators; the default for CPUs',
              qdq: 'DequantizeLinear with blocks, ONNX opset 21; the default for target onnx',
            }).optional(),
            accuracy_level: numbers(
              'What MatMulNBits multiplies packed weights with.',
              [1, 4],
              [
                'float32 activations: exact, and slow with 8 bits',
                'activations rounded to int8 block by block, where the CPU has such a kernel (default)',
              ],
            ).optional(),
          })
          .optional()
          .meta({ description: 'How weights are quantized.' }),
        improve: z
          .array(
            words('A method that wins back accuracy.', {
              equalize:
                'balances channels of very different ranges with the weights that read them; static mode',
              'bias-correction':
                'brings the mean of every layer back to FP32 through its bias; static mode',
            }),
          )
          .optional()
          .meta({
            description:
              'Methods that win back accuracy; `[equalize, bias-correction]` by default in static mode, `[]` is none.',
          }),
        half: z
          .strictObject({
            type: words('Which half precision mode float16 writes.', {
              float16: '11 bits, up to 65504: values and arithmetic (default)',
              bfloat16:
                '8 bits, the range of float32: how weights are stored; arithmetic is float32, since no CPU provider has another',
            }).optional(),
            keep_io: z.boolean().optional().meta({
              description:
                'Whether inputs and outputs of the model stay float32 (default); with false they become float16.',
            }),
          })
          .optional()
          .meta({ description: 'What mode float16 writes.' }),
      })
      .or(
        words('What is quantized, and how.', {
          auto: 'what a search on this machine finds best, in the time that `search:` gives; what it was is written into the result',
        }),
      )
      .optional()
      .meta({
        description:
          'What is quantized, and how; or `auto`: what a search over modes, observers, types and layers finds best here.',
      }),
    fixed: z
      .strictObject({
        accumulator_bits: z.int().min(16).max(48).optional().meta({
          description:
            'Bits of the accumulators of the design, 16 … 48; 32 by default. Layers whose sums may need more are named.',
        }),
        test_vectors: count(
          0,
          'Samples whose codes at the inputs and outputs stand in the export; 1 by default.',
        ).optional(),
      })
      .optional()
      .meta({ description: 'What the target `fpga-fixed` asks of the design.' }),
    keep_fp32: z
      .array(pattern)
      .optional()
      .meta({ description: 'Layers that stay in FP32: names, globs, or `{ op: Softmax }`.' }),
    layers: z
      .array(layerRule)
      .optional()
      .meta({ description: 'Anything, per layer: `- { match: /head/*, observer: minmax }`.' }),
    evaluate: z
      .strictObject({
        data: data.optional(),
        labels: text(
          'Right answers: a `.npy` file, or a CSV with the columns file,label.',
        ).optional(),
        metric: words('What accuracy means.', {
          top1: 'share of samples whose highest score is the label',
          top5: 'share of samples with the label among the five highest scores',
          'cross-entropy': 'mean of −log p(label), lower is better',
          mse: 'mean squared error against the labels',
          mae: 'mean absolute error against the labels',
          sqnr: 'signal to quantization noise against FP32, in dB; needs no labels',
          agreement: 'share of samples with the same highest score as FP32; needs no labels',
        })
          .or(
            z.templateLiteral([z.string(), '.mjs']).meta({
              title: './FILE.mjs',
              description:
                'a metric of your own: an ES module whose default function gives the score of a sample; the path starts at the recipe',
            }),
          )
          .optional()
          .meta({
            description: 'What accuracy means: a word, or the path of a module that computes it.',
          }),
        samples: count(1, 'How many samples are used at most; all by default.').optional(),
        image: image.optional().meta({
          description:
            'How image files become tensors; what is left out is as in `calibration.image`.',
        }),
      })
      .optional()
      .meta({ description: 'The data and the measure that both models are compared by.' }),
    limits: z
      .strictObject({
        top1_drop: z.number().min(0).max(1).optional().meta({
          description: 'Largest loss of top-1 accuracy, as a fraction: `0.01` is one point.',
        }),
        metric_drop: z.number().min(0).optional().meta({
          description:
            'Largest loss of `evaluate.metric`, in its own units and whichever way is better: by how much it may fall, or an error grow.',
        }),
        sqnr_db: z
          .number()
          .optional()
          .meta({ description: 'Lowest signal to quantization noise of any output, in dB.' }),
        p99_ms: above0('Highest 99th percentile of one run, in milliseconds.').optional(),
        p50_ms: above0('Highest median of one run, in milliseconds.').optional(),
        size_ratio: above0(
          'Largest size of the written file as a fraction of the model’s.',
        ).optional(),
        speedup: above0('Lowest speed-up over FP32, e.g. `1.5`.').optional(),
        max_abs: above0('Largest difference of any output value from FP32.').optional(),
      })
      .optional()
      .meta({
        description: 'What the result must reach; where it does not, the run fails with code 3.',
      }),
    latency: z
      .strictObject({
        threads: count(0, 'Threads of both sessions; 0 is the runtime’s default.').optional(),
        pairs: count(
          1,
          'Interleaved pairs of runs, of FP32 and of the written model, at least; 200 by default.',
        ).optional(),
        seconds: above0(
          'Seconds of the measurement at least, up to four times as many until there are `pairs`; 3 by default.',
        ).optional(),
      })
      .optional()
      .meta({ description: 'How speed is measured.' }),
    sensitivity: z
      .strictObject({
        stage: words('How each layer’s share of the noise is found.', {
          analytic: 'from ranges, weights and graph, without a run: it orders layers',
          'two-pass':
            'from the noise that each layer makes and the noise that comes together: a few dB from exact',
          exact: 'by running the model with each layer alone quantized (default)',
        }).optional(),
        samples: count(
          1,
          'Samples behind each layer’s share of the noise; 32 by default.',
        ).optional(),
        budget_s: z
          .number()
          .min(0)
          .optional()
          .meta({ description: 'Seconds for it at most; 60 by default, 0 leaves it out.' }),
      })
      .optional()
      .meta({ description: 'How long the search for the layers that hurt may take.' }),
    search: z
      .strictObject({
        budget_s: above0(
          'Seconds that `quantization: auto` may search; 60 by default. What was tried is kept, and more time goes on from there.',
        ).optional(),
      })
      .optional()
      .meta({ description: 'How long the search for the best quantization may take.' }),
  })
  .meta({
    title: 'Vernier recipe',
    description: 'What is done to an ONNX model: NAME.quant.yaml',
  });

type Written = z.infer<typeof recipeSchema>;
/** A recipe as it is written, valid but with nothing filled in; `quantization: auto` is a map with `search`. */
export type Recipe = Omit<Written, 'quantization'> & { quantization?: Quantization };
/** The keys of `quantization:` as they are written. */
export type Quantization = Exclude<NonNullable<Written['quantization']>, 'auto'> & {
  /** The whole of it shall be searched for; no key of the language. */
  search?: true;
};
/** How layers are named: a name or glob, or an operator. */
export type Pattern = z.infer<typeof pattern>;
/** One entry of `layers:`. */
export type LayerRule = z.infer<typeof layerRule>;
/** The keys of `image:` as they are written. */
export type ImageRecipe = z.infer<typeof image>;

/** Writes out what stands for more than it says. */
export function withoutShortForms({ quantization, ...recipe }: Written): Recipe {
  if (quantization === undefined) return recipe;
  const searched: Quantization = { mode: 'auto', search: true };
  return { ...recipe, quantization: quantization === 'auto' ? searched : quantization };
}
