/**
 * The same runtime on processors with VNNI and without (DESIGN §4.10). On a machine with it, qemu-user runs Node as a Haswell; on
 * one without, the runtime is told to leave the kernels that clip.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { serializeModel, type Feed, type Model, type TensorValue } from '../../src/onnx';
import { CLIPS } from './machine';

/**
 * True where this machine has no VNNI, or is an x86 that can emulate a Haswell, which has none. What is skipped without compares
 * with the kernels of a processor that is not here, and no package of npm brings one; the arithmetic itself is tested everywhere.
 */
export const hasClippingKernels =
  CLIPS ||
  (process.arch === 'x64' &&
    process.platform === 'linux' &&
    spawnSync('qemu-x86_64', ['--version']).status === 0);
if (!hasClippingKernels) console.warn('skipped: qemu-x86_64 (qemu-user) is not installed');

const SCRIPT = `
const { readFileSync, writeFileSync } = require('node:fs');
const { deserialize, serialize } = require('node:v8');
const ort = require('onnxruntime-node');
(async () => {
  const { jobs, session: extra } = deserialize(readFileSync(process.argv[1]));
  const all = [];
  for (const { model, feeds } of jobs) {
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4, extra: { session: extra } });
    const results = [];
    for (const feed of feeds) {
      const values = Object.fromEntries(Object.entries(feed).map(([k, v]) => [k, new ort.Tensor(v.type, v.data, v.dims)]));
      const out = await session.run(values);
      results.push(Object.fromEntries(Object.entries(out).map(([k, v]) => [k, { type: v.type, dims: v.dims, data: v.data }])));
    }
    all.push(results);
    await session.release();
  }
  writeFileSync(process.argv[2], serialize(all));
})();`;

/** A model (in memory or as a file) and what it runs on. */
export interface RemoteJob {
  model: Model | string;
  feeds: readonly Feed[];
}

/**
 * Runs models in one process of their own, with kernels that clip sums of pairs or with exact ones: `[model][feed][output]`.
 * @param options entries of the session's configuration
 */
export function runProcess(
  kernels: 'exact' | 'clipping',
  jobs: readonly RemoteJob[],
  options: Record<string, string> = {},
): Record<string, TensorValue>[][] {
  const folder = mkdtempSync(path.join(tmpdir(), 'vernier-emulated-'));
  try {
    const request = path.join(folder, 'request');
    const answer = path.join(folder, 'answer');
    const list = jobs.map(({ model, feeds }, i) => {
      if (typeof model === 'string') return { model, feeds };
      const file = path.join(folder, `${i}.onnx`);
      writeFileSync(file, serializeModel(model));
      return { model: file, feeds };
    });
    const session = CLIPS && kernels === 'exact' ? { x64quantprecision: '1', ...options } : options;
    writeFileSync(request, serialize({ jobs: list, session }));
    const node = [process.execPath, '-e', SCRIPT, request, answer];
    const [command, ...args] =
      CLIPS || kernels === 'exact' ? node : ['qemu-x86_64', '-cpu', 'Haswell', ...node];
    execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'ignore'] });
    return deserialize(readFileSync(answer)) as Record<string, TensorValue>[][];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
