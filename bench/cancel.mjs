// How long Cancel takes in every stage of a run, from the click to the answer, and until the worker is gone; and how much work
// is lost.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { at } from '../scripts/lib/paths.mjs';
import { ms, table } from './lib/table.mjs';
import { lost } from './lost.mjs';

/** Milliseconds that Cancel may take. */
const MOST = 500;
const STAGES = [
  'calibrate',
  'quantize',
  'verify',
  'evaluate',
  'layer errors',
  'latency',
  'sensitivity',
];

/** A row for each stage of the sample's run. */
export async function cancel(bench) {
  const folder = join(bench.folder, 'cancel');
  cpSync(at('samples/factor-cnn'), folder, {
    recursive: true,
    filter: (file) => !file.endsWith('.vernier') && !file.endsWith('.int8.onnx'),
  });
  const recipePath = join(folder, 'factor-cnn.quant.yaml');
  const rows = [];
  for (const stage of STAGES)
    await bench.attempt(`cancel in ${stage}`, async () => {
      const { answered, gone } = await cancelled(bench.client(), recipePath, stage);
      const what = `cancel in ${stage}`;
      const met = Math.max(answered, gone) <= MOST;
      rows.push([stage, ms(answered), ms(gone), `≤ ${MOST} ms`, bench.tally.check(what, met)]);
    });
  return [
    'Cancelled when a stage says for the first time that it is under way.',
    table(
      ['factor-cnn: cancelled in', 'Answered after', 'Worker gone after', 'Required', ''],
      rows,
    ),
    'Killed with SIGKILL when most of a stage has gone by; the next run begins it where work was stored.',
    await bench.attempt('work lost', () => lost(bench)),
  ].filter((part) => part !== null);
}

async function cancelled(client, recipePath, stage) {
  const abort = new AbortController();
  let start = null;
  let pid = null;
  const onProgress = (progress) => {
    if (progress.stage !== stage || start !== null) return;
    ({ pid } = client.child);
    start = performance.now();
    abort.abort();
  };
  try {
    await client.request('run', { recipePath }, { onProgress, signal: abort.signal });
  } catch (error) {
    if (error.code !== 'job.cancelled') throw error;
  }
  if (start === null) throw new Error(`The run came to no stage '${stage}'.`);
  const answered = performance.now() - start;
  while (alive(pid)) await setTimeout(1);
  return { answered, gone: performance.now() - start };
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
