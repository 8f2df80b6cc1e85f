/** Weights for processors without VNNI, checked on such a processor: qemu runs the same runtime as a Haswell. */
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples/factor-cnn');
const emulator = spawnSync('qemu-x86_64', ['--version']).status === 0;
const vnni = process.arch === 'x64' && process.platform === 'linux';

/** Runs a model on made-up panels in a process of its own and prints its outputs. */
const SCRIPT = `
const ort = require('onnxruntime-node');
(async () => {
  const session = await ort.InferenceSession.create(process.argv[1], { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const all = [];
  for (let n = 0; n < 8; n++) {
    const panel = Float32Array.from({ length: 2048 }, (_, i) => 2 * Math.sin(i * 0.7 + n * 1.3) + Math.cos(i * 0.11 * n));
    const { logits } = await session.run({ panel: new ort.Tensor('float32', panel, [1, 4, 16, 32]) });
    all.push(...logits.data);
  }
  console.log(JSON.stringify(all));
})();`;

function outputs(model: string, haswell: boolean): number[] {
  const node = [process.execPath, '-e', SCRIPT, model];
  const [command, ...args] = haswell ? ['qemu-x86_64', '-cpu', 'Haswell', ...node] : node;
  const text = execFileSync(command!, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  return JSON.parse(text) as number[];
}

async function written(target: string): Promise<string> {
  const text = stringify({
    model: path.join(samples, 'factor-cnn.onnx'),
    output: `${target}.onnx`,
    target,
    calibration: { data: path.join(samples, 'calibration.npy') },
  });
  await run(folder.at(`${target}.quant.yaml`), { text, until: 'quantize' });
  return folder.at(`${target}.onnx`);
}

describe.skipIf(!emulator || !vnni)('a processor without VNNI (needs qemu-user)', () => {
  it(
    'gets the same outputs from weights with headroom, and others without',
    { timeout: 300_000 },
    async () => {
      const difference = (model: string) => {
        const [native, emulated] = [outputs(model, false), outputs(model, true)];
        return Math.max(...native.map((x, i) => Math.abs(x - emulated[i]!)));
      };
      expect(difference(await written('x86-avx2'))).toBeLessThanOrEqual(1e-6);
      // Without headroom the 16-bit accumulator clips: the test would notice.
      expect(difference(await written('x86-vnni'))).toBeGreaterThan(1e-3);
    },
  );
});
