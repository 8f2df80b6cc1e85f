// How long people wait, and how much memory it takes.
import { fork } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { mobilenet } from './cases.mjs';
import { bundleEngine } from './lib/source.mjs';
import { fixed, median, megabytes, ms, percent, signed, table } from './lib/table.mjs';
import { runCase } from './reach.mjs';

/** Peak memory may differ by this much between the fewest and the most samples: the allocator's own noise. */
const GROWTH = 0.1;

/** All of them, as one table and one for memory. */
export async function speed(bench) {
  const rows = [];
  const row = (what, measured, required = '', met = null) =>
    rows.push([what, measured, required, met === null ? '' : bench.tally.check(what, met)]);
  const measures = {
    'one switch on the sample': requantize,
    'activating the extension': activation,
    'opening a model': opening,
    'cost of calibration': calibrationCost,
  };
  for (const [what, measure] of Object.entries(measures))
    await bench.attempt(what, () => measure(bench, row));
  const memory = await bench.attempt('memory of calibration', () => memoryTable(bench));
  return [table(['What', 'Measured', 'Required', ''], rows), ...(memory ? [memory] : [])];
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

async function calibrationCost(bench, row) {
  const { model, calibration } = mobilenet(bench.shared);
  const count = bench.quick ? 10 : 50;
  const args = [await bundleEngine(), model];
  args.push(JSON.stringify(calibration.data.slice(0, 10)), JSON.stringify(calibration.image));
  const { calibrateMs, bareMs, tensors } = await answerOf(at('bench/calibration.mjs'), [
    ...args,
    String(count),
  ]);
  row(
    `mobilenet_v1: calibration over bare inference, 1 thread each, ${count} samples, ${tensors} tensors`,
    `${fixed(calibrateMs / bareMs, 1)} × (median ${fixed(calibrateMs, 1)} ms a sample, bare ${fixed(bareMs, 1)})`,
  );
}

/** Resident memory of the worker while it calibrates on more and more samples. */
async function memoryTable(bench) {
  const counts = bench.quick ? [50, 200] : [50, 100, 200, 400];
  const { model, calibration } = mobilenet(bench.shared);
  const images = bench.shared.imagenet();
  const measured = [];
  for (const count of counts) {
    const folder = join(bench.folder, `memory-${count}`);
    mkdirSync(folder);
    const recipePath = join(folder, 'memory.quant.yaml');
    const data = Array.from({ length: count }, (_, i) => images[i % images.length]);
    writeFileSync(
      recipePath,
      stringify({
        model,
        calibration: { ...calibration, data, samples: count },
        evaluate: { data: images.slice(0, 1) },
      }),
    );
    const client = bench.client();
    let peak = 0;
    const onProgress = ({ memory }) => (peak = Math.max(peak, memory));
    try {
      await client.request('run', { recipePath, until: 'calibrate' }, { onProgress });
    } finally {
      client.dispose();
      rmSync(folder, { recursive: true });
    }
    measured.push({ count, peak });
  }
  const growth = measured.at(-1).peak / measured[0].peak - 1;
  const what = `peak memory of calibration, ${counts[0]} to ${counts.at(-1)} samples`;
  const verdict = bench.tally.check(what, growth <= GROWTH);
  const rows = measured.map(({ count, peak }, i) => [
    String(count),
    megabytes(peak),
    i === 0 ? '' : `${signed((peak / measured[0].peak - 1) * 100, 1)} %`,
    i === measured.length - 1 ? `≤ +${percent(GROWTH, 0)}` : '',
    i === measured.length - 1 ? verdict : '',
  ]);
  return table(
    [
      'mobilenet_v1: calibration samples',
      'Peak resident memory of the worker',
      'Growth',
      'Required',
      '',
    ],
    rows,
  );
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
