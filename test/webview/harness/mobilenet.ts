import type {
  Closeness,
  NoiseShape,
  FusionCandidate,
  LayerResult,
  LayerSummary,
  ModelSummary,
  QuantizationBreak,
  RangeSummary,
} from '../../../src/protocol';
import { histogram, random } from './random';

/** Blocks of mobilenet_v1_0.25: channels, size, and what a run measured about its two convolutions. */
const BLOCKS: [channels: number, size: number, dw: Measured, pw: Measured][] = [
  [8, 112, [49.1, 44.3, 0.004, 400], [47.2, 33.9, 0.01, 8]],
  [16, 56, [33.6, 38.6, 0.052, 184], [30.5, 30.0, 0.097, 21]],
  [32, 56, [18.4, 27.4, 0.44, 246], [34.3, 24.6, 0.041, 9]],
  [32, 28, [46.5, 29.7, 0.003, 4], [35.5, 25.3, 0.031, 7]],
  [64, 28, [36.0, 24.8, 0.028, 11], [33.9, 23.2, 0.045, 16]],
  [64, 14, [43.7, 24.5, 0.004, 3], [36.5, 21.0, 0.022, 6]],
  [128, 14, [36.7, 19.1, 0.021, 14], [42.1, 21.8, 0.006, 4]],
  [128, 14, [41.0, 20.4, 0.008, 5], [40.2, 20.4, 0.01, 5]],
  [128, 14, [38.7, 22.6, 0.014, 6], [35.5, 20.5, 0.03, 9]],
  [128, 14, [37.9, 22.8, 0.017, 8], [35.2, 19.6, 0.033, 8]],
  [128, 14, [45.9, 23.2, 0.003, 3], [36.3, 21.2, 0.026, 7]],
  [128, 7, [41.0, 24.0, 0.006, 5], [35.1, 17.9, 0.034, 9]],
  [256, 7, [49.5, 21.2, 0.002, 467], [36.1, 10.0, 0.027, 6]],
];
type Measured = [local: number, accumulated: number, share: number, span: number];

interface Spec {
  name: string;
  kind: string;
  op: string;
  shape: number[];
  inputs: number;
  kernel: number;
  depthwise: boolean;
  measured: Measured;
}

function specs(): Spec[] {
  const all: Spec[] = [
    spec('conv1', 'Conv 3×3 stride 2', 8, 112, 3, 9, false, [45.6, 39.4, 0.002, 240]),
  ];
  let inputs = 8;
  let next = 8;
  BLOCKS.forEach(([channels, size, dw, pw], i) => {
    all.push(spec(`conv_dw_${i + 1}`, 'Conv 3×3 depthwise', inputs, size, 1, 9, true, dw));
    next = BLOCKS[i + 1]?.[0] ?? 256;
    next = i === 0 ? 16 : i === 1 ? 32 : Math.max(next, channels);
    all.push(spec(`conv_pw_${i + 1}`, 'Conv 1×1', next, size, inputs, 1, false, pw));
    inputs = next;
  });
  all.push(spec('conv_preds', 'Conv 1×1', 1000, 1, 256, 1, false, [40.9, 13.8, 0.003, 3]));
  return all;
}

function spec(
  name: string,
  kind: string,
  channels: number,
  size: number,
  inputs: number,
  kernel: number,
  depthwise: boolean,
  measured: Measured,
): Spec {
  return {
    name,
    kind,
    op: 'Conv',
    shape: [1, channels, size, size],
    inputs,
    kernel,
    depthwise,
    measured,
  };
}

const macsOf = (s: Spec) => s.shape.reduce((a, b) => a * b, 1) * s.inputs * s.kernel;

/** Largest weight of every channel: log-normal, with three outliers where the span is wide. */
function channelMax(channels: number, span: number, next: () => number): number[] {
  const wide = span > 50;
  return Array.from({ length: channels }, (_, channel) => {
    const outlier = wide && channel % Math.ceil(channels / 3) === Math.floor(channels / 5);
    const base = 0.31 * 12 ** next();
    return outlier ? 0.31 * span * (0.6 + 0.4 * next()) : Math.min(base, 0.31 * span);
  });
}

/** Everything that the file of mobilenet_v1_0.25 says. */
export function mobilenet(): ModelSummary {
  const next = random(25);
  const layers = specs().map((s, i): LayerSummary => {
    const [, channels = 1] = s.shape;
    const most = channelMax(channels, s.measured[3], next);
    return {
      name: s.name,
      op: s.op,
      kind: s.kind,
      inputs: [i === 0 ? 'input' : `${specs()[i - 1]?.name ?? ''}_relu`],
      output: s.name === 'conv_preds' ? 'logits' : `${s.name}_relu`,
      outputShape: ['N', ...s.shape.slice(1)],
      macs: macsOf(s),
      parameters: channels * s.inputs * s.kernel + channels,
      weight: {
        tensor: `${s.name}.weight`,
        shape: [channels, s.inputs, s.kernel === 9 ? 3 : 1, s.kernel === 9 ? 3 : 1],
        axis: 0,
        min: -Math.max(...most) * 0.8,
        max: Math.max(...most),
        channelMax: most,
      },
      absorbed: s.name === 'conv_preds' ? [] : [`${s.name}_bn`, `${s.name}_relu`],
      predecessors: i === 0 ? [] : [i - 1],
      source: s.name === 'conv_dw_3' ? 'model.py:41, in MobileNet.forward' : null,
    };
  });
  return {
    file: 'mobilenet_v1_0.25.onnx',
    bytes: 1_917_000,
    irVersion: 8,
    opset: 13,
    domains: [{ domain: '', version: 13 }],
    producer: 'tf2onnx 1.9.2',
    inputs: [{ name: 'input', type: 'float32', shape: ['N', 3, 224, 224] }],
    outputs: [{ name: 'logits', type: 'float32', shape: ['N', 1000] }],
    nodes: 86,
    parameters: 475_544,
    layers,
    fusions: fusions(layers, false),
    quantized: null,
    notes: [],
  };
}

/** Conv + BatchNorm + Clip of every layer; two of them blocked for show. */
export function fusions(layers: readonly LayerSummary[], done: boolean): FusionCandidate[] {
  return layers
    .filter((layer) => layer.absorbed.length > 0)
    .map((layer, i) => {
      const nodes = [
        { name: layer.name, op: 'Conv' },
        { name: `${layer.name}_bn`, op: 'BatchNormalization' },
        { name: `${layer.name}_relu`, op: 'Clip' },
      ];
      const blocked = i === 6 || i === 19;
      return {
        pattern: 'Conv+BatchNorm+Activation',
        nodes: i === 19 ? nodes.slice(0, 2) : nodes,
        layer: layer.name,
        vanishing: nodes.slice(1).map((n) => n.name),
        status: blocked ? 'blocked' : done ? 'done' : 'will',
        by: [
          { who: 'runtime', name: 'ConvBNFusion', level: 'basic' },
          ...(done ? [] : [{ who: 'pass' as const, name: 'fold batch norm', level: null }]),
        ],
        alone: null,
        into: done && !blocked ? { name: layer.name, op: 'QLinearConv' } : null,
        estimate: { passes: nodes.length - 1, bytes: blocked ? null : 1_605_632 / (i + 1) },
        blockedBy: blocked
          ? i === 19
            ? {
                node: `${layer.name}_tap`,
                code: 'second-reader',
                tensor: `${layer.name}_bn`,
                op: 'the Clip',
                reason: 'also reads the value before the Clip',
                remedy: 'Let that node read the result, or compute the value twice.',
              }
            : {
                node: `${layer.name}_bn`,
                code: 'not-constant',
                tensor: `${layer.name}_gamma`,
                reason: `'${layer.name}_gamma' is computed, not a constant`,
                remedy: 'Export the model in eval mode with its parameters as initializers.',
              }
          : null,
        gain: blocked
          ? 'Would save one pass over the tensor and one rounding.'
          : 'Saves two passes over the tensor; one rounding instead of three.',
      };
    });
}

/** Two floats in a row between integers, another alone, and codes that are only written anew. */
export function breaks(): QuantizationBreak[] {
  const conversion = (name: string, op: string) => ({ name: `${name}_${op}`, op, tensor: name });
  const both = (name: string) => [
    conversion(name, 'DequantizeLinear'),
    conversion(`${name}_out`, 'QuantizeLinear'),
  ];
  const float = {
    code: 'no-kernel' as const,
    reason: 'onnxruntime has no integer kernel for HardSwish on CPU',
    remedy: 'Put an operator with an integer kernel in the place of HardSwish.',
    op: 'HardSwish',
  };
  const time = { conversionMs: null, floatMs: null };
  const node = (name: string, op: string) => ({ name, op });
  return [
    {
      ...float,
      ...time,
      layer: 'conv_dw_5',
      nodes: [node('conv_dw_5_swish', 'HardSwish'), node('conv_dw_5_scale', 'Mul')],
      conversions: both('conv_dw_5'),
      bytes: 501_760,
    },
    {
      ...float,
      layer: 'conv_pw_6',
      nodes: [node('conv_pw_6_swish', 'HardSwish')],
      conversions: both('conv_pw_6'),
      bytes: 250_880,
      conversionMs: 0.041,
      floatMs: 0.018,
    },
    {
      ...time,
      layer: 'conv_pw_9_out_QuantizeLinear',
      nodes: [],
      conversions: both('conv_pw_9'),
      bytes: null,
      code: 'rescaled',
      op: '',
      reason: 'the codes are only written anew, with another scale or zero point',
      remedy: 'Give both sides the same range.',
    },
  ];
}

const close = (sqnrDb: number): Closeness => ({
  sqnrDb,
  cosine: 1 - 10 ** (-sqnrDb / 10) / 2,
  maxAbs: 6 * 10 ** (-sqnrDb / 24),
});

const shapeOf = (sqnrDb: number): NoiseShape => ({
  rmse: 10 ** (-sqnrDb / 20),
  rmsePerScale: 0.2 + 40 * 10 ** (-sqnrDb / 20),
  mean: 0,
  skew: (20 - sqnrDb) / 50,
  kurtosis: 1.8 + 60 / sqnrDb,
});

/** What a run found of every layer. */
export function results(kept: readonly string[]): LayerResult[] {
  const next = random(7);
  return specs().map((s): LayerResult => {
    const [local, accumulated, share, span] = s.measured;
    const keep = kept.includes(s.name);
    const costs = s.name === 'conv_dw_3' ? 2.6 : -10 * Math.log10(1 - share);
    return {
      name: s.name,
      op: s.op,
      kind: s.kind,
      precision: keep ? 'float32' : 'int8',
      executed: keep ? 'float32' : 'int8',
      kernel: keep ? 'nchwc.Conv' : 'QLinearConv',
      wish: keep ? 'keep' : 'quantize',
      reason: keep ? 'keep_fp32 names it.' : null,
      macs: macsOf(s),
      outputShape: s.shape,
      local: keep ? close(150) : close(local),
      accumulated: close(accumulated + (keep ? 6 : 0)),
      noise: {
        local: keep ? null : shapeOf(local),
        accumulated: shapeOf(accumulated),
      },
      localByChannel: Array.from({ length: s.shape[1] ?? 1 }, () => {
        const spread = span > 50 ? 22 : 9;
        return local + 6 - spread * next() ** 2;
      }),
      onlyThisDb: 10.9 - 10 * Math.log10(share),
      onlyThis: null,
      expectedDb: 9.5 - 10 * Math.log10(share),
      twoPassDb: 11.6 - 10 * Math.log10(share),
      cameIn: { share: 0.6, gainDb: 0.5 },
      noiseShare: keep ? 0 : share,
      costsDb: share >= 0.05 && !keep ? costs : null,
      clipRate: share > 0.09 ? 0.0021 * next() : 0,
      utilisation: s.name === 'conv_preds' ? 0.71 : 0.88 + 0.12 * next(),
      hurts: share >= 0.05 && !keep,
      biasShift: null,
      withoutVnni:
        s.op === 'Conv' && !keep
          ? {
              channels: 8,
              canClip: share > 0.05 ? 3 : 0,
              clippedShare: share > 0.05 ? 0.02 : 0,
              sqnrDb: 28.3,
            }
          : null,
    };
  });
}

/** Ranges of every layer's output, and of the input. */
export function ranges(layers: readonly LayerSummary[]): RangeSummary[] {
  const next = random(64);
  const of = (tensor: string, producer: string | null, consumer: string | null): RangeSummary => {
    const bell = tensor === 'logits' || tensor === 'input';
    const [min, max] = tensor === 'input' ? [-2.12, 2.64] : bell ? [-13.12, 25.5] : [0, 6];
    const scale = (max - min) / 255;
    return {
      tensor,
      producer,
      consumers: consumer ? [consumer] : [],
      min,
      max,
      scale,
      zeroPoint: Math.round(-min / scale),
      type: 'uint8',
      channelScales: null,
      notFinite: 0,
      growth: tensor === 'logits' ? 0.068 : bell ? 0.031 : 0,
      outOfRange: tensor === 'logits' ? 0.0021 : 0,
      sparkline: histogram(next, 48, bell),
    };
  };
  return [
    of('input', null, layers[0]?.name ?? null),
    ...layers.map((layer, i) => of(layer.output, layer.name, layers[i + 1]?.name ?? null)),
  ];
}
