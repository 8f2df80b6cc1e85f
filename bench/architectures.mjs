// Networks of full size, generated on demand: time and memory of inspecting and of quantizing in every mode that suits, and
// what the written model gains. Weights are random, so nothing is said of accuracy.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at } from '../scripts/lib/paths.mjs';
import { measured } from './lib/measured.mjs';
import { loadArchitectures } from './lib/source.mjs';
import { fixed, megabytes, percent, table } from './lib/table.mjs';

/** Calibration samples of static and float16. */
const SAMPLES = 4;
/** One thread; a pair of the largest takes a second or two. */
const TIMING = { threads: 1, pairs: 15, seconds: 2 };

const picture = { image: { type: 'float32', shape: [1, 3, 224, 224] } };
const ids = (vocabulary, tokens) => ({
  type: 'int64',
  shape: [1, tokens],
  range: [0, vocabulary - 1],
});
const text = {
  input_ids: ids(30522, 128),
  attention_mask: ids(2, 128),
  token_type_ids: ids(2, 128),
};
const mode = (name, more = {}) => ({ name, quantization: { mode: name, ...more } });
const weights = (type) => ({
  name: `weight-only, ${type}`,
  quantization: { mode: 'weight-only', weights: { type } },
});

/** What each is tried in: dynamic never quantizes a Conv, and weight-only none either. */
const CASES = {
  resnet50: { inputs: picture, modes: [mode('static'), mode('float16')] },
  mobilenet_v2: { inputs: picture, modes: [mode('static'), mode('float16')] },
  efficientnet_b0: { inputs: picture, modes: [mode('static'), mode('float16')] },
  bert_base: {
    inputs: text,
    modes: [mode('static'), mode('dynamic'), weights('int8'), weights('int4'), mode('float16')],
  },
  gpt_2500mb: {
    inputs: { input_ids: ids(50257, 32) },
    modes: [weights('int8'), weights('int4')],
    limits: { inspectSeconds: 2, inspectBytes: 300e6, jobBytes: 1e9 },
  },
  nodes_10000: { inputs: {}, modes: [mode('static'), mode('float16')] },
};

/** Two tables: reading the file, and each mode. */
export async function architectures(bench) {
  const engine = await loadArchitectures();
  const [inspected, quantized] = [[], []];
  for (const [name, details] of Object.entries(CASES)) {
    if (!bench.wants(name)) continue;
    await bench.attempt(name, async () => {
      const model = await engine.architectureFile(name, at('.cache', 'architectures'));
      const one = { bench, engine, name, model, ...details };
      const { summary, row } = await inspecting(one);
      inspected.push(row);
      const inputs = inputsOf(summary, details.inputs);
      for (const how of details.modes)
        await bench.attempt(`${name}, ${how.name}`, async () =>
          quantized.push(await quantizing({ ...one, inputs, how })),
        );
    });
  }
  return [
    'Random weights, random data, batch 1, one thread. Peak memory is what the kernel kept of the worker process (VmHWM), mapped ' +
      'pages of files included; in brackets the most that was not pages of files (RssAnon). The job is reading, hashing, ' +
      `calibrating on ${SAMPLES} samples where the mode does, quantizing, writing, and running the file once beside FP32. Times ` +
      'are those on a clock; in brackets what they were without the time in which the worker stood ready and had no core, and the ' +
      "processor time of all of its threads. Requirements are about a machine of one's own: the first figure in brackets.",
    table(['Model', 'File', 'Inspect', 'Peak memory', ''], inspected),
    table(
      ['Model', 'Mode', 'Size', 'Speed', 'Job', 'Peak memory', 'Probe beside FP32', ''],
      quantized,
    ),
  ];
}

const peak = ({ rss, anon }) =>
  rss === null ? 'unknown here' : `${megabytes(rss)} (${megabytes(anon)})`;

/** Seconds without those in which a busy machine had no core for it. */
const ownSeconds = ({ seconds, waited }) => seconds - Math.min(seconds, waited ?? 0);

const time = (found, digits) => {
  const inner = [ownSeconds(found), ...(found.cpu === null ? [] : [found.cpu])];
  return `${fixed(found.seconds, digits)} s (${inner.map((s) => `${fixed(s, digits)} s`).join(', ')})`;
};

async function inspecting({ bench, name, model, limits }) {
  const found = await measured(bench.worker, 'inspect', { model });
  const met =
    limits &&
    ownSeconds(found) < limits.inspectSeconds &&
    found.rss !== null &&
    found.rss < limits.inspectBytes;
  const verdict = limits ? bench.tally.check(`${name}: inspected in < 2 s and < 300 MB`, met) : '';
  const row = [name, megabytes(bytesOf(model)), time(found, 2), peak(found), verdict];
  return { summary: found.value, row };
}

/** The inputs as the recipe gives them: those of the table by their place, with the names that the file has. */
function inputsOf(summary, known) {
  return summary.inputs.map((input, i) => {
    const { type, shape, range } = known[input.name] ?? Object.values(known)[i] ?? input;
    return { name: input.name, type: type ?? input.type, shape, range };
  });
}

async function quantizing({ bench, engine, name, model, limits, inputs, how }) {
  const folder = join(bench.folder, 'architecture');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const hints = Object.fromEntries(
    inputs.map(({ name: input, shape, range }) => [input, { shape, ...(range ? { range } : {}) }]),
  );
  const recipe = {
    model,
    output: 'out.onnx',
    inputs: hints,
    quantization: how.quantization,
    // weight-only and dynamic take none
    ...(/^(static|float16)$/.test(how.quantization.mode)
      ? { calibration: { data: 'random', samples: SAMPLES } }
      : {}),
  };
  try {
    const recipePath = join(folder, 'a.quant.yaml');
    const request = { recipePath, text: JSON.stringify(recipe), until: 'quantize' };
    const job = await measured(bench.worker, 'run', request);
    const output = join(folder, 'out.onnx');
    const latency = await engine.latencyStage(bench.worker, {
      reference: model,
      candidate: output,
      feed: await feedOf(engine, inputs, hints),
      settings: TIMING,
    });
    const { ranOn, worstDb } = job.value.verification;
    const met = limits && ranOn !== null && job.rss !== null && job.rss < limits.jobBytes;
    return [
      name,
      how.name,
      percent(bytesOf(output) / bytesOf(model), 0),
      `${fixed(latency.speedup, 2)} × (${fixed(latency.low, 2)}–${fixed(latency.high, 2)})`,
      time(job, 1),
      peak(job),
      ranOn === null ? 'not run' : worstDb === null ? 'ran' : `${fixed(worstDb, 1)} dB`,
      limits ? bench.tally.check(`${name}, ${how.name}: verified below 1 GB`, met) : '',
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function feedOf(engine, inputs, inputShapes) {
  const source = await engine.openData({
    data: ['random'],
    seed: 0,
    samples: 1,
    baseDir: '.',
    inputs: inputs.map(({ name, type, shape }) => ({ name, type, shape })),
    inputShapes,
  });
  return source.sample(0);
}

/** Bytes of a model and of the data files that bear its name. */
function bytesOf(model) {
  const folder = dirname(model);
  const stem = model.slice(folder.length + 1);
  const beside = existsSync(folder)
    ? readdirSync(folder).filter((f) => f.startsWith(`${stem}.`) && f.endsWith('.data'))
    : [];
  return [stem, ...beside].reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
