// Plans of mixed precision on mobilenet without correction, beside greedy lists of layers to exclude by the peer's own measures.
// Both are measured by the peer's script, on the same samples, without the runtime's pass that would quantize again.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { cache } from './lib/source.mjs';
import { fixed, percent, signed, table } from './lib/table.mjs';

const run = promisify(execFile);
const python = process.platform === 'win32' ? 'python' : 'python3';
const SIZES = [1, 4, 8];
/** What keeping the first layer must bring, in dB on all photographs. */
const FIRST_BRINGS = 2.5;
const BUDGET_S = 240;

const WORDS = {
  weights: 'worst weights (compute_weight_error)',
  local: 'worst results (qdq_err)',
  xmodel: 'worst results, accumulated (xmodel_err)',
  single: 'best alone at the output',
  greedy: 'best next at the output, all tried at every step',
};

export async function plans(bench) {
  const folder = join(bench.folder, 'plans');
  mkdirSync(folder, { recursive: true });
  const { every, imagenet, sharedFile } = bench.shared;
  const recipe = {
    model: sharedFile('models/mobilenet_v1_0.25_224_imagenet.onnx'),
    quantization: { improve: [], activations: { observer: 'minmax' } },
    calibration: {
      data: every(3, imagenet(), 64),
      image: { resize: 256, crop: 224, scale: '1/127.5', mean: 1 },
    },
  };
  const unseen = { data: imagenet().filter((_, i) => i % 3 !== 0) };
  const found = await plan(bench, join(folder, 'plan.quant.yaml'), { ...recipe, evaluate: unseen });
  const best = SIZES.map((size) => bestOf(found, size));
  const all = { ...recipe, evaluate: { data: imagenet() } };
  const [before, after] = [
    await write(bench, folder, 'none', all, []),
    await write(bench, folder, 'first', all, best[0].choices),
  ];
  const gain = Object.values(after.sqnrDb)[0] - Object.values(before.sqnrDb)[0];
  const { tally } = bench;
  const first = best[0].choices[0].layer;
  const paragraphs = [
    `The first layer of the plans is ${first}: kept, it brings ${signed(gain, 2)} dB on all 200 photographs ` +
      `(${tally.check('plans: conv_dw_3 comes first', /conv_dw_3/.test(first))}, at least ` +
      `${FIRST_BRINGS}: ${tally.check('plans: what conv_dw_3 brings', gain >= FIRST_BRINGS)}).`,
  ];
  if (!bench.peer.version) return [...paragraphs, `The peer is not here: ${bench.peer.missing}.`];
  const lists = await peerLists(bench.peer);
  const files = [];
  for (const [i, { choices }] of best.entries()) {
    await write(bench, folder, `plan-${SIZES[i]}`, { ...recipe, evaluate: unseen }, choices);
    files.push(join(folder, `plan-${SIZES[i]}.onnx`));
  }
  const ours = JSON.parse(await script(bench.peer, files));
  const cell = ({ sqnr, same }) => `${fixed(sqnr, 2)} dB, ${percent(same, 0)}`;
  const atMost = (list, size) => list.slice(0, size).reduce((a, b) => (b.sqnr > a.sqnr ? b : a));
  const more = (theirs, plan) => {
    const { low, high } = bench.paired(theirs.powers, plan.powers, sqnr);
    return `(${signed(low, 1)} … ${signed(high, 1)})`;
  };
  const rows = Object.entries(lists.lists).map(([name, list]) => {
    const cells = SIZES.map((size, i) => {
      const theirs = atMost(list, size);
      const wins = size === 1 ? ours[i].sqnr >= theirs.sqnr - 0.05 : ours[i].sqnr > theirs.sqnr;
      const verdict = tally.check(`plans of ${size}: better than ${name}`, wins);
      return `${cell(theirs)} ${more(theirs, ours[i])} ${verdict === 'ok' ? '' : verdict}`;
    });
    return [`onnxruntime, ${WORDS[name]}`, ...cells];
  });
  const head = ['Layers out of INT8', ...SIZES.map((size) => `at most ${size}`)];
  return [
    ...paragraphs,
    `Output SQNR and share of equal labels on the 133 photographs that were not calibrated on; with none out of INT8 ` +
      `onnxruntime's tool gives ${cell(lists.base)}. Its last two lists choose on these very samples, the last one after 212 ` +
      `quantizations; ours chose on ${found.measuredOn.samples} of them after ${found.plans.length}. In brackets by how many dB the ` +
      'plan is better, in 95 % of paired resamples of the photographs.',
    table(head, [['**plans**', ...ours.map(cell)], ...rows]),
  ];
}

async function plan(bench, recipePath, recipe) {
  writeFileSync(recipePath, stringify({ ...recipe, output: 'planned.onnx' }));
  const client = bench.client();
  try {
    return await client.request('plan', {
      recipePath,
      layers: SIZES.at(-1),
      timed: false,
      budgetSeconds: BUDGET_S,
    });
  } finally {
    client.dispose();
  }
}

/** SQNR in dB of samples by their signal and noise. */
function sqnr(powers) {
  let [signal, noise] = [0, 0];
  for (const [s, n] of powers) [signal, noise] = [signal + s, noise + n];
  return 10 * Math.log10(signal / noise);
}

const bestOf = ({ plans: tried }, size) =>
  tried
    .filter(({ choices }) => choices.length > 0 && choices.length <= size)
    .reduce((a, b) => (b.measured.sqnrDb > a.measured.sqnrDb ? b : a));

/** The recipe with a plan in it, written and compared. */
async function write(bench, folder, name, recipe, choices) {
  const named = (precision) => choices.filter((c) => c.precision === precision).map((c) => c.layer);
  const recipePath = join(folder, `${name}.quant.yaml`);
  const document = {
    ...recipe,
    output: `${name}.onnx`,
    keep_fp32: named('float32'),
    layers: named('int16').map((match) => ({ match, precision: 'int16' })),
    sensitivity: { budget_s: 0 },
  };
  writeFileSync(recipePath, stringify(document));
  const client = bench.client();
  try {
    return await client.request('run', { recipePath, until: 'evaluate' });
  } finally {
    client.dispose();
  }
}

/** The peer's lists, from an earlier run of the same version where there was one. */
async function peerLists(peer) {
  const file = join(cache(`plans-${peer.version}`), 'lists-with-powers.json');
  if (!existsSync(file)) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, await script(peer, []));
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function script({ version, baselines }, files) {
  const env = { ...process.env, OUT: cache(`plans-${version}`), OMP_NUM_THREADS: '1' };
  const { stdout } = await run(python, [at('bench/plans.py'), baselines, ...files], {
    env,
    maxBuffer: 2 ** 24,
  });
  return stdout.trim().split('\n').at(-1);
}
