// How long people wait, and how much memory it takes.
import { fork } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { mobilenet } from './cases.mjs';
import { median, ms, table } from './lib/table.mjs';
import { runCase } from './reach.mjs';

/** All of them, as one table. */
export async function speed(bench) {
  const rows = [];
  const row = (what, measured, required = '', met = null) =>
    rows.push([what, measured, required, met === null ? '' : bench.tally.check(what, met)]);
  const measures = {
    'one switch on the sample': requantize,
    'activating the extension': activation,
    'opening a model': opening,
    'calibrating, correcting and quantizing': whole,
  };
  for (const [what, measure] of Object.entries(measures))
    await bench.attempt(what, () => measure(bench, row));
  return [table(['What', 'Measured', 'Required', ''], rows)];
}

/** One switch on the sample: from the request to the partial result that has accuracy and SQNR again. */
async function requantize(bench, row) {
  const folder = join(bench.folder, 'factor-cnn');
  cpSync(at('samples/factor-cnn'), folder, {
    recursive: true,
    filter: (file) => !file.endsWith('.vernier') && !file.endsWith('.int8.onnx'),
  });
  const recipePath = join(folder, 'factor-cnn.quant.yaml');
  const text = readFileSync(recipePath, 'utf8');
  const client = bench.client();
  try {
    const first = await client.request('run', { recipePath, until: 'evaluate' });
    const layers = first.layers.filter((l) => l.op === 'Conv').map((l) => l.name);
    const times = [];
    for (const layer of layers.slice(0, bench.quick ? 3 : 9))
      times.push(await untilNumbers(client, recipePath, keeping(text, layer)));
    row(
      `factor-cnn: one switch, request to new accuracy and SQNR (median of ${times.length})`,
      `${ms(median(times))} (longest ${ms(Math.max(...times))})`,
      '≤ 1000 ms',
      median(times) <= 1000,
    );
  } finally {
    client.dispose();
  }
}

const keeping = (text, layer) => text.replace(/^keep_fp32:.*$/m, `keep_fp32: ['${layer}']`);

function untilNumbers(client, recipePath, text) {
  const start = performance.now();
  let time = null;
  const onPartial = ({ accuracy, sqnrDb }) => {
    if (accuracy && Object.keys(sqnrDb).length > 0) time ??= performance.now() - start;
  };
  return client
    .request('run', { recipePath, text, until: 'evaluate' }, { onPartial })
    .then(() => time);
}

async function activation(bench, row) {
  const times = [];
  for (let i = 0; i < 5; i++)
    times.push(await answerOf(at('bench/activation.cjs'), [at('dist/extension.js')]));
  const total = times.map(({ loadMs, activateMs }) => loadMs + activateMs);
  row(
    'extension: load and activate, with an editor that does nothing (median of 5)',
    `${ms(median(total))} (of it activate ${ms(median(times.map((t) => t.activateMs)))})`,
    '< 50 ms',
    median(total) < 50,
  );
}

/** Opening mobilenet: a worker that is not there yet, one that is new, one that has seen it; and with a stored result. */
async function opening(bench, row) {
  const model = mobilenet(bench.shared).model;
  const [cold, fresh, warm, second] = [[], [], [], []];
  const { recipePath } = await runCase(stored, join(bench.folder, 'opened'), {
    ...bench,
    quick: true,
  });
  for (let i = 0; i < 5; i++) {
    const client = bench.client();
    const started = bench.client();
    try {
      cold.push(await timed(() => client.request('inspect', { model })));
      // a worker that is up and has read nothing yet
      await started.request('inspect', { model: join(bench.folder, 'none.onnx') }).catch(() => 0);
      fresh.push(await timed(() => started.request('inspect', { model })));
      warm.push(await timed(() => started.request('inspect', { model })));
    } finally {
      client.dispose();
      started.dispose();
    }
    const again = bench.client();
    try {
      const open = () =>
        Promise.all([again.request('inspect', { model }), bench.readResult(recipePath)]);
      second.push(await timed(open));
    } finally {
      again.dispose();
    }
  }
  const bytesToRows = 'mobilenet_v1: bytes to rows';
  row(`${bytesToRows}, worker started with it`, ms(median(cold)));
  row(`${bytesToRows}, first model of a running worker`, ...below(fresh, 150));
  row(`${bytesToRows}, again`, ...below(warm, 150));
  row('mobilenet_v1: second open, worker start + rows + stored result', ...below(second, 500));
}

/** From the first photograph that is read for calibration to the written model; the worker has opened the model. */
async function whole(bench, row) {
  const recipe = { ...mobilenet(bench.shared), output: 'whole.onnx' };
  const times = [];
  for (let i = 0; i < (bench.quick ? 1 : 3); i++) {
    const folder = join(bench.folder, `whole-${i}`);
    mkdirSync(folder);
    const recipePath = join(folder, 'whole.quant.yaml');
    writeFileSync(recipePath, stringify(recipe));
    const client = bench.client();
    let start;
    const onProgress = ({ stage }) => {
      if (stage === 'calibrate') start ??= performance.now();
    };
    try {
      await client.request('run', { recipePath, until: 'quantize' }, { onProgress });
      times.push(performance.now() - start);
    } finally {
      client.dispose();
    }
  }
  const count = recipe.calibration.data.length;
  row(
    `mobilenet_v1: calibrate + correct + quantize, ${count} JPEG files (median of ${times.length})`,
    ms(median(times)),
    '≤ 3000 ms',
    median(times) <= 3000,
  );
}

/** A short run whose result is as large as any. */
const stored = {
  recipe: (shared) => {
    const recipe = mobilenet(shared);
    recipe.calibration.data = recipe.calibration.data.slice(0, 8);
    return { ...recipe, evaluate: { ...recipe.evaluate, samples: 8 }, sensitivity: { samples: 1 } };
  },
};

const below = (times, most) => [ms(median(times)), `< ${most} ms`, median(times) < most];

async function timed(body) {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** Starts a script as a process of its own and resolves to what it sends. */
function answerOf(script, args) {
  return new Promise((resolve, reject) => {
    const child = fork(script, args);
    child.once('error', reject);
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
}
