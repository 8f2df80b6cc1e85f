// The peer, onnxruntime's own quantization tool, on the same models and data in the same run, where it is installed.
import { execFile, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { at } from '../scripts/lib/paths.mjs';
import { cache } from './lib/source.mjs';
import { median } from './lib/table.mjs';

const run = promisify(execFile);
const python = process.platform === 'win32' ? 'python' : 'python3';

/** How many pairs of runs decide a peer's speed. */
const PAIRS = 40;

/** Version of the peer and where its script is, or in words why it is not used. */
export async function findPeer(shared) {
  const baselines = join(dirname(shared), 'baselines');
  if (!existsSync(join(baselines, 'ort_peer.py'))) return { missing: 'its script is not here' };
  const probe = 'import onnxruntime.quantization, onnxruntime, PIL; print(onnxruntime.__version__)';
  try {
    const { stdout } = await run(python, ['-c', probe]);
    return { version: stdout.trim(), baselines };
  } catch {
    return { missing: 'onnxruntime.quantization is not installed for Python' };
  }
}

/**
 * What the peer makes of one case, from an earlier run of the same version where there was one, and its speed
 * measured now. Null where it was never measured and `quick` says not to.
 */
export async function peerResult(name, { version, baselines }, worker, quick) {
  const script = at('bench/peer.py');
  const edition = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 8);
  const folder = cache(`peer-${version}-${edition}`);
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) {
    if (quick) return null;
    mkdirSync(folder, { recursive: true });
    const { stdout } = await run(python, [script, baselines, at('samples'), name], {
      env: { ...process.env, OUT: folder },
      maxBuffer: 2 ** 24,
    });
    writeFileSync(file, stdout.trim().split('\n').at(-1));
  }
  const result = JSON.parse(readFileSync(file, 'utf8'));
  return { ...result, speed: await speed(result, worker) };
}

const arrays = { float32: Float32Array, int64: BigInt64Array };

/** Median ratio of interleaved pairs with one thread, by the worker's own timing process: the way ours is measured. */
const speed = ({ model, quantized, feed }, worker) => interleaved(model, quantized, feed, worker);

/** How many times as fast `candidate` is as `reference`: files, and a feed from a file of its numbers. */
export function interleaved(reference, candidate, feed, worker) {
  const { buffer, byteOffset, length } = readFileSync(feed.file);
  const data = new arrays[feed.type](buffer.slice(byteOffset, byteOffset + length));
  const task = {
    reference,
    candidate,
    feed: { [feed.name]: { type: feed.type, dims: feed.dims, data } },
    settings: { threads: 1, pairs: PAIRS, seconds: 1.5 },
  };
  return new Promise((resolve, reject) => {
    const child = fork(worker, ['--latency'], { serialization: 'advanced' });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the timing process ended with ${code}`)));
    child.once('message', ({ ok, error }) => {
      child.kill();
      if (error) reject(new Error(error.message));
      else resolve(median(ok.reference.map((t, i) => t / ok.candidate[i])));
    });
    child.send(task);
  });
}
