// Ours with its defaults beside the best of the peer's whole grid, on the same data: quality, and speed interleaved in one run.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { stringify, parse } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { interleaved } from './peer.mjs';
import { cache } from './lib/source.mjs';
import { fixed, table } from './lib/table.mjs';

const run = promisify(execFile);
const python = process.platform === 'win32' ? 'python' : 'python3';
const MODELS = ['mnist', 'resnet8', 'superres', 'ultraface', 'mobilenet', 'chargpt'];
/** As good as the best: this many dB below it. */
const AS_GOOD = 0.5;
/** Speed against the peer's fastest recipe of that quality. */
const LEAST_SPEED = 0.95;

export async function grid(bench) {
  if (!bench.peer.version) return [`The peer is not here: ${bench.peer.missing}.`];
  const rows = [];
  for (const name of MODELS) {
    const row = await bench.attempt(`the grid on ${name}`, () => compare(name, bench));
    if (row) rows.push(row);
  }
  const head = [
    'Model',
    'ours, dB',
    "best of the peer's grid, dB",
    'its recipe',
    'fastest as good',
  ];
  return [table([...head, 'ours over that, 1 thread', ''], rows)];
}

async function compare(name, bench) {
  const { recipes, recipe, feed } = await peerGrid(name, bench.peer);
  const ours = await quantize(recipe, bench);
  // what quantizes nothing is no recipe: a CNN in "MatMul only" or dynamic is FP32
  const real = recipes.filter((r) => name === 'chargpt' || !/MatMulOnly|dynamic/.test(r.recipe));
  const outputs = Object.values(ours.sqnr);
  const best = outputs.map((_, k) => Math.max(...real.map((r) => r.sqnr_db[k])));
  const good = real.filter((r) => r.sqnr_db.every((db, k) => db >= best[k] - AS_GOOD));
  const bestRecipe = real.reduce((a, b) => (sum(b.sqnr_db) > sum(a.sqnr_db) ? b : a));
  const candidates = good.length > 0 ? good : [bestRecipe];
  let [fastest, ratio] = [null, Infinity];
  for (const candidate of candidates) {
    const own = await interleaved(candidate.file, ours.file, feed, bench.worker);
    if (own < ratio) [fastest, ratio] = [candidate.recipe, own];
  }
  const quality = outputs.every((db, k) => db >= best[k] - AS_GOOD);
  const verdicts = [
    bench.tally.check(`${name}: quality of the grid's best − ${AS_GOOD} dB`, quality),
    bench.tally.check(`${name}: speed of its fastest as good`, ratio >= LEAST_SPEED),
  ];
  const list = (values) => values.map((v) => fixed(v, 1)).join(' / ');
  return [
    name,
    list(outputs),
    list(best),
    bestRecipe.recipe,
    fastest,
    `${fixed(ratio, 2)} ×`,
    verdicts.every((v) => v === 'ok') ? 'ok' : '**MISS**',
  ];
}

const sum = (values) => values.reduce((a, b) => a + b, 0);

/** What the peer wrote, from an earlier run of the same version where there was one. */
async function peerGrid(name, { version, baselines }) {
  const folder = cache(`grid-${version}`);
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const env = { ...process.env, OUT: folder, OMP_NUM_THREADS: '1' };
    const { stdout } = await run(python, [at('bench/grid.py'), baselines, name], {
      env,
      maxBuffer: 2 ** 26,
    });
    writeFileSync(file, stdout.trim().split('\n').at(-1));
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Ours with nothing but model and data said. */
async function quantize(exported, bench) {
  const { model, calibration, evaluate } = parse(readFileSync(exported, 'utf8'));
  const folder = dirname(exported);
  const document = {
    model,
    output: 'ours.int8.onnx',
    calibration,
    evaluate: { data: evaluate.data },
    latency: { threads: 1, pairs: 5, seconds: 0.2 },
    sensitivity: { budget_s: 0 },
  };
  const recipePath = join(folder, 'ours.quant.yaml');
  writeFileSync(recipePath, stringify(document));
  const client = bench.client();
  try {
    const result = await client.request('run', { recipePath, until: 'evaluate' });
    return { file: join(folder, 'ours.int8.onnx'), sqnr: result.sqnrDb };
  } finally {
    client.dispose();
  }
}
