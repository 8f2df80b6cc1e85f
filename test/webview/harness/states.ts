import type {
  FoundWhen,
  InspectorState,
  ModelSummary,
  RangeDetail,
  RecipeState,
  RunResult,
  WeightDetail,
} from '../../../src/protocol';
import { breaks, fusions, mobilenet, ranges, results } from './mobilenet';
import { choice } from './choice';
import { search } from '../../fixtures/search';
import { existing } from './existing';
import { gains } from './gains';
import { fixed } from './fixed';
import { mixed } from './mixed';
import { sensitivity } from './sensitivity';
import { histogram, random } from './random';

function recipe(kept: string[]): RecipeState {
  return {
    path: 'mobilenet.quant.yaml',
    exists: true,
    kept,
    calibrationSource: 'images/*.jpg',
    random: false,
    target: 'x86-vnni',
    mode: 'static',
    calibrates: true,
    dirtySinceResult: false,
    dirtySincePlans: false,
    dirtySinceSensitivity: false,
    lines: { conv_dw_3: 14, ...Object.fromEntries(kept.map((name, i) => [name, 15 + i])) },
  };
}

function run(summary: ModelSummary, kept: string[]): RunResult {
  const better = kept.includes('conv_dw_3');
  return {
    format: 1,
    recipe: 'mobilenet.quant.yaml',
    model: summary.file,
    output: 'mobilenet_v1_0.25.int8.onnx',
    mode: 'static',
    choice: null,
    search: null,
    target: 'x86-vnni',
    targetWasAuto: true,
    runtime: { name: 'onnxruntime-node', version: '1.30.0', threads: 1 },
    layers: results(kept),
    int8MacShare: better ? 0.978 : 1,
    writtenInt8MacShare: better ? 0.978 : 1,
    size: {
      fp32: 1_917_000,
      int8: 560_300,
      parts: [
        { what: 'INT8 weights', bytes: 464_300 },
        { what: 'scales', bytes: 54_600 },
        { what: 'int32 bias', bytes: 21_900 },
        { what: 'graph', bytes: 19_500 },
      ],
    },
    verification: { nodes: 214, ranOn: 'data', notRun: null, worstDb: 11.2 },
    sqnrDb: { logits: better ? 13.5 : 10.9 },
    outputs: [
      {
        name: 'logits',
        sqnrDb: better ? 13.5 : 10.9,
        cosine: better ? 0.98213 : 0.96417,
        maxAbs: 9.84,
        meanAbs: 1.07,
        within: 0.0312,
        atol: 1e-3,
        rtol: 1e-2,
      },
    ],
    worstSamples: [
      { sample: 'n02119789_kit_fox.JPEG', sqnrDb: 3.1 },
      { sample: 'n03983396_pop_bottle.JPEG', sqnrDb: 4.6 },
    ],
    evaluatedOn: { samples: 200, source: 'labelled/', heldBack: false },
    layerSamples: 64,
    layerMatch: { found: 30, of: 30, unmatched: [] },
    latency: {
      fp32Ms: 1.43,
      int8Ms: 1.24,
      speedup: 1.15,
      low: 1.12,
      high: 1.17,
      fp32P50: 1.43,
      fp32P99: 1.71,
      int8P50: 1.24,
      int8P99: 1.52,
      threads: 1,
      pairs: 200,
      verdict: 'faster',
      profile: null,
    },
    accuracy: {
      metric: 'top1',
      own: null,
      fp32: 0.52,
      int8: better ? 0.505 : 0.48,
      low: better ? -0.05 : -0.085,
      high: better ? 0.02 : 0.005,
      n: 200,
      higherIsBetter: true,
      unproven: true,
      labels: null,
      neededN: null,
    },
    agreement: { value: better ? 0.83 : 0.765, n: 200 },
    withoutVnni: {
      samples: 4,
      outputs: [{ name: 'predictions', sqnrDb: 9.1, maxAbs: 0.41 }],
      sameLabel: 0.75,
    },
    rounded: null,
    fixed: null,
    fusions: fusions(summary.layers, true),
    breaks: breaks(),
    calibration: { samples: 64, source: 'images/*.jpg', random: false },
    calibrationReport: {
      ranges: null,
      convergence: { samples: 64, enough: 16, growing: [{ tensor: 'conv_preds', growth: 0.068 }] },
      heldBack: { samples: 16 },
      likeness: {
        node: 'conv1_bn',
        samples: 16,
        divergence: 0.043,
        shift: 0.011,
        variance: 0.86,
        unlike: false,
        suspicion: null,
      },
    },
    ranges: ranges(summary.layers),
    load: {
      opset: 13,
      irVersion: 8,
      contribOps: [],
      runtime: 'onnxruntime ≥ 1.8',
      python:
        "import onnxruntime as ort\nsession = ort.InferenceSession('mobilenet_v1_0.25.int8.onnx')",
      cpp: '#include <onnxruntime_cxx_api.h>\nOrt::Env env;\nOrt::Session session(env, "mobilenet_v1_0.25.int8.onnx", {});',
      node: "import * as ort from 'onnxruntime-node';\nconst session = await ort.InferenceSession.create('mobilenet_v1_0.25.int8.onnx');",
    },
    limits: [
      { limit: 'top1_drop', wanted: 0.01, got: better ? 0.015 : 0.04, met: false },
      { limit: 'p99_ms', wanted: 5, got: 1.52, met: true },
      { limit: 'size_ratio', wanted: 0.3, got: 0.292, met: true },
    ],
    seconds: { calibrate: 2.1, quantize: 0.4, analyze: 6.3, evaluate: 1.9 },
    notes: [
      {
        code: 'accuracy.unproven',
        severity: 'info',
        message: 'The accuracy gap is not proven at n = 200: its interval contains zero.',
        remedy: 'Evaluate on more samples.',
      },
      {
        code: 'weights.span',
        severity: 'warning',
        message: 'The weights of conv_dw_3 span 0.31 to 76 across channels.',
        layer: 'conv_dw_3',
      },
    ],
    complete: true,
    key: `mobilenet-${kept.join('-')}`,
    finishedAt: new Date(Date.now() - 4 * 60_000).toISOString(),
  };
}

const whole = (kept: string[] = [], change: Partial<InspectorState> = {}): InspectorState => {
  const summary = mobilenet();
  return {
    fileName: summary.file,
    summary,
    result: run(summary, kept),
    recipe: recipe(kept),
    mixed: null,
    mixedWhen: null,
    sensitivity: null,
    sensitivityWhen: null,
    gains: null,
    gainsWhen: null,
    job: null,
    failure: null,
    trusted: true,
    language: 'en',
    ...change,
  };
};

/** A model of ten thousand layers, each like one of mobilenet's. */
function large(): InspectorState {
  const state = whole();
  const { summary, result } = state;
  if (!summary || !result) return state;
  const N = 10_000;
  const at = <T>(list: readonly T[], i: number) => list[i % list.length] as T;
  const name = (i: number, base: string) => `block${Math.floor(i / 28)}/${base}`;
  const shapes = summary.layers;
  return {
    ...state,
    fileName: 'ten-thousand.onnx',
    summary: {
      ...summary,
      layers: Array.from({ length: N }, (_, i) => {
        const layer = at(shapes, i);
        return {
          ...layer,
          name: name(i, layer.name),
          output: name(i, layer.output),
          predecessors: i ? [i - 1] : [],
        };
      }),
    },
    result: {
      ...result,
      layers: Array.from({ length: N }, (_, i) => {
        const layer = at(result.layers, i);
        return { ...layer, name: name(i, layer.name), hurts: false, noiseShare: 1 / N };
      }),
      ranges: Array.from({ length: N }, (_, i) => {
        const range = at(result.ranges.slice(1), i);
        return {
          ...range,
          tensor: name(i, range.tensor),
          producer: name(i, range.producer ?? ''),
        };
      }),
    },
  };
}

/** So many minutes ago. */
const when = (minutes: number, modelChanged = false): FoundWhen => ({
  finishedAt: new Date(Date.now() - minutes * 60_000).toISOString(),
  modelChanged,
});

/** The states that the pictures and the page's tests show, by name. */
export const states: Record<string, () => InspectorState> = {
  done: () => whole(),
  kept: () => whole(['conv_dw_3']),
  chinese: () => whole([], { language: 'zh-cn' }),
  running: () => {
    const state = whole();
    return {
      ...state,
      result: state.result && { ...state.result, complete: false },
      job: {
        title: 'Sensitivity',
        progress: { stage: 'sensitivity', done: 19, total: 28, etaSeconds: 4, memory: 212e6 },
      },
    };
  },
  empty: () =>
    whole([], { result: null, recipe: { ...recipe([]), exists: false, calibrationSource: null } }),
  random: () => {
    const state = whole();
    return {
      ...state,
      recipe: { ...state.recipe, random: true, calibrationSource: 'random' },
      result: state.result && {
        ...state.result,
        calibration: { samples: 32, source: 'random', random: true },
        accuracy: null,
        agreement: null,
        limits: [],
      },
    };
  },
  failed: () => {
    const state = whole(['conv_dw_3']);
    return {
      ...state,
      recipe: { ...state.recipe, dirtySinceResult: true, kept: ['conv_dw_3', 'conv_pw_2'] },
      failure: {
        code: 'data.wrong-shape',
        message: 'images/007.npy is 3×192×192, the input `input` takes 3×224×224.',
        file: 'images/007.npy',
        tensor: 'input',
        remedy: 'Set `calibration: image: { resize, crop }` in the recipe, or leave the file out.',
      },
    };
  },
  broken: () =>
    whole([], {
      summary: null,
      result: null,
      failure: {
        code: 'model.truncated',
        message: 'The file ends at byte 81,920 inside the initializer `conv_pw_9.weight`.',
        file: 'mobilenet_v1_0.25.onnx',
        node: 'conv_pw_9',
        remedy: 'Copy or download the file again.',
      },
    }),
  slower: () => {
    const state = whole();
    const { result } = state;
    if (result?.latency)
      state.result = {
        ...result,
        latency: {
          ...result.latency,
          speedup: 0.45,
          low: 0.44,
          high: 0.46,
          int8P50: 3.1,
          int8P99: 3.4,
          verdict: 'not faster here',
        },
        limits: [],
        layers: result.layers.map((layer, i) =>
          i === 5
            ? {
                ...layer,
                precision: 'float32',
                wish: 'keep',
                hurts: false,
                reason: 'keep_fp32 names it.',
              }
            : layer,
        ),
      };
    return state;
  },
  chosen: () => {
    const state = whole();
    const { result } = state;
    if (result?.latency) state.result = { ...result, choice: choice(result, result.latency) };
    return { ...state, recipe: { ...state.recipe, mode: 'auto' } };
  },
  searched: () => {
    const state = whole();
    const { result } = state;
    if (result?.latency) state.result = { ...result, search: search(result, result.latency) };
    return { ...state, recipe: { ...state.recipe, mode: 'auto' } };
  },
  planned: () => whole([], { mixed: mixed(true), mixedWhen: when(3) }),
  'planned-before': () => {
    const state = whole([], { mixed: mixed(true), mixedWhen: when(2000, true) });
    return { ...state, recipe: { ...state.recipe, dirtySincePlans: true } };
  },
  measured: () => {
    const state = whole();
    return {
      ...state,
      sensitivity: state.result && sensitivity(state.result),
      sensitivityWhen: when(3),
    };
  },
  'measured-stopped': () => {
    const state = whole([], { language: 'zh-cn' });
    const report = state.result && sensitivity(state.result, true);
    const recipeNow = { ...state.recipe, dirtySinceSensitivity: true };
    return {
      ...{ ...state, result: null, recipe: recipeNow },
      ...{ sensitivity: report, sensitivityWhen: when(2000) },
    };
  },
  rounded: () => {
    const state = whole();
    const rounded = {
      samples: 16,
      outputs: [
        { name: 'logits', sqnrDb: 61.4, maxAbs: 0.0131, notFinite: 0 },
        { name: 'features', sqnrDb: 8.2, maxAbs: 65_504, notFinite: 1024 },
      ],
      sameLabel: 1,
    };
    if (state.result) state.result = { ...state.result, mode: 'float16', rounded };
    return { ...state, recipe: { ...state.recipe, mode: 'float16' } };
  },
  gained: () => whole([], { gains: gains(), gainsWhen: when(3) }),
  'planned-missed': () => whole(['conv_dw_3'], { mixed: mixed(false), language: 'zh-cn' }),
  quantized: () => {
    const state = whole([], { result: null });
    return { ...state, summary: state.summary && { ...state.summary, quantized: existing() } };
  },
  fixed: () => {
    const state = whole();
    const target = 'fpga-fixed' as const;
    if (state.result) state.result = { ...state.result, target, fixed: fixed() };
    return { ...state, recipe: { ...state.recipe, target } };
  },
  untrusted: () => whole([], { result: null, trusted: false }),
  large,
};

/** What the host would answer to `range`. */
export function rangeDetail(state: InspectorState, tensor: string): RangeDetail {
  const range = state.result?.ranges.find((each) => each.tensor === tensor);
  if (!range) throw new Error(`no range of ${tensor}`);
  const next = random(tensor.length * 131 + tensor.charCodeAt(tensor.length - 6));
  const bins = 128;
  const counts = histogram(next, bins, range.min < 0);
  const layer = state.summary?.layers.find((each) => each.output === tensor);
  const channels = Number(layer?.outputShape?.[1] ?? 3);
  return {
    ...range,
    observer: 'minmax',
    observers: (
      [
        ['minmax', 1, 38.2],
        ['moving-average', 0.97, 38.1],
        ['percentile', 0.83, 39.3],
        ['entropy', 0.71, 36.9],
        ['mse', 0.8, 39.5],
        ['auto', 0.8, 39.5],
      ] as const
    ).map(([name, part, expectedDb]) => ({
      name,
      min: range.min * part,
      max: range.max * part,
      expectedDb,
    })),
    samples: 64,
    edges: Array.from(
      { length: bins + 1 },
      (_, i) => range.min + (i * (range.max - range.min)) / bins,
    ),
    counts,
    channels: {
      min: Array.from({ length: channels }, () => range.min * next()),
      max: Array.from({ length: channels }, (_, c) =>
        c % 11 === 5 ? range.max : range.max * (0.12 + 0.25 * next()),
      ),
    },
    mean: 0.84,
    std: 1.31,
  };
}

/** What the host would answer to `weights`. */
export function weightDetail(state: InspectorState, layer: string): WeightDetail {
  const weight = state.summary?.layers.find((each) => each.name === layer)?.weight;
  if (!weight) throw new Error(`no weights of ${layer}`);
  const { min, max, channelMax } = weight;
  if (min === null || max === null || !channelMax) throw new Error(`no values of ${layer}`);
  const bins = 128;
  const step = (max - min) / bins;
  const edges = Array.from({ length: bins + 1 }, (_, i) => min + i * step);
  return {
    ...weight,
    min,
    max,
    channelMax,
    layer,
    edges,
    counts: edges.slice(1).map((edge) => Math.round(900 / (1 + (edge / (3 * step)) ** 2))),
    channelMin: channelMax.map((most) => -most * 0.8),
    channelTop: channelMax,
    scales: state.result ? channelMax.map((most) => most / 127) : null,
  };
}
