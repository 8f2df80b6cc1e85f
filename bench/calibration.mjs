// What calibration costs beside bare inference and beside the peer's, and how much memory it takes.
import { execFile, fork } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { mobilenet } from './cases.mjs';
import { bundleEngine } from './lib/source.mjs';
import { fixed, megabytes, percent, signed, table } from './lib/table.mjs';

/** Peak memory may differ by this much between the fewest and the most samples: the allocator's own noise. */
const GROWTH = 0.1;
/** Times bare inference at most: extremes alone, and with histograms for every observer. */
const MODELS = {
  mobilenet: { minmax: 1.45, full: 2.9 },
  ultraface: { minmax: 1.3, full: 1.7 },
  char_gpt: { minmax: 1.4, full: 1.9 },
};
/** How much faster than the peer's percentile. */
const FASTER = 12;

/** Cost by model, the peer beside us, and memory by the number of samples. */
export async function calibration(bench) {
  const rows = [];
  for (const which of Object.keys(MODELS))
    await bench.attempt(`cost of calibration: ${which}`, () => cost(bench, which, rows));
  const memory = await bench.attempt('memory of calibration', () => memoryTable(bench));
  const head = ['Calibration, times bare inference', 'Measured', 'Required', ''];
  return [
    'Tensors in memory, one intra-op thread for either, statistics in a second thread, batch 1. Bare inference runs the ' +
      'model as it was given; what it takes once it is folded stands beside it.',
    table(head, rows),
    ...(memory ? [memory] : []),
  ];
}

async function cost(bench, which, rows) {
  const total = which === 'mobilenet' && !bench.peer.missing ? (bench.quick ? 60 : 400) : 0;
  const [count, rounds] = bench.quick ? [20, 3] : [40, 6];
  const args = [await bundleEngine(), which, count, rounds, total].map(String);
  const measured = await answerOf(at('bench/lib/calibration-cost.mjs'), args);
  const of = (depth) => measured[depth] / measured.bare;
  const what = { minmax: 'extremes alone', full: 'every observer' };
  for (const [depth, most] of Object.entries(MODELS[which])) {
    const name = `${which}, ${what[depth]}`;
    rows.push([
      `${name} (${measured.tensors} tensors)`,
      `${fixed(of(depth), 2)} × (${fixed(measured[depth], 2)} of ${fixed(measured.bare, 2)} ms; folded ${fixed(measured.prepared, 2)})`,
      `≤ ${most} ×`,
      bench.tally.check(`calibration of ${name}`, of(depth) <= most),
    ]);
  }
  if (total === 0) return;
  const seconds = await peerSeconds(bench, total);
  const faster = seconds / measured.percentileSeconds;
  rows.push([
    `mobilenet, percentile on ${total} samples: times faster than the peer`,
    `${fixed(faster, 1)} × (${fixed(measured.percentileSeconds, 2)} s, peer ${fixed(seconds, 1)} s)`,
    `≥ ${FASTER} ×`,
    bench.tally.check('calibration beside the peer', faster >= FASTER),
  ]);
}

/** Seconds that the peer takes for percentiles, without its own preparation and reading. */
async function peerSeconds(bench, total) {
  const script = join(bench.peer.baselines, 'ort_peer.py');
  const python = process.platform === 'win32' ? 'python' : 'python3';
  const env = { ...process.env, OUT: join(bench.folder, 'peer') };
  const args = [script, 'calibrate', 'mobilenet', 'Percentile', String(total)];
  const { stdout } = await promisify(execFile)(python, args, { env, maxBuffer: 2 ** 24 });
  return Number(/samples: ([\d.]+) s/.exec(stdout)[1]);
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
export function answerOf(script, args) {
  return new Promise((resolve, reject) => {
    const child = fork(script, args);
    child.once('error', reject);
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
}
