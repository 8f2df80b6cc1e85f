/** What a run says of processors without VNNI, against the kernels of such a processor. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ClosenessAccumulator } from '../../src/numeric';
import type { RunResult } from '../../src/results';
import { machineTarget } from '../../src/jobs/cpu';
import { hasClippingKernels, runProcess } from '../lib/emulated';
import { npy, temporaryFolder } from '../lib/files';
import { run } from '../lib/job';

const folder = temporaryFolder();
const samples = path.resolve(import.meta.dirname, '../../samples/factor-cnn');
const COUNT = 16;
const SIZE = 4 * 16 * 32;

/** Panels of made-up factors, wilder than the sample's own. */
const panels = Float32Array.from(
  { length: COUNT * SIZE },
  (_, i) => 2 * Math.sin(i * 0.7 + i / SIZE) + Math.cos(i * 0.11),
);
const feeds = Array.from({ length: COUNT }, (_, n) => ({
  panel: {
    type: 'float32' as const,
    dims: [1, 4, 16, 32],
    data: panels.slice(n * SIZE, (n + 1) * SIZE),
  },
}));

async function evaluated(target: string, more: object = {}): Promise<RunResult> {
  const text = stringify({
    model: path.join(samples, 'factor-cnn.onnx'),
    output: `${target}.onnx`,
    target,
    calibration: { data: path.join(samples, 'calibration.npy') },
    evaluate: { data: 'panels.npy' },
    ...more,
  });
  return (await run(folder.at(`${target}.quant.yaml`), { text, until: 'evaluate' })).result;
}

const codes = (result: RunResult) => result.notes.map((n) => n.code);

describe('a run for a processor with VNNI', () => {
  let result: RunResult;
  beforeAll(async () => {
    folder.put('panels.npy', npy([COUNT, 4, 16, 32], panels));
    result = await evaluated('x86-vnni');
  });

  it('says of each layer what clips without it', () => {
    const found = result.layers.filter((l) => l.withoutVnni !== null);
    expect(found.length).toBeGreaterThan(0);
    for (const { withoutVnni, executed } of found) {
      expect(executed).toBe('int8');
      expect(withoutVnni!.canClip).toBeLessThanOrEqual(withoutVnni!.channels);
      expect(withoutVnni!.clippedShare).not.toBeNull();
    }
    const clipping = found.filter((l) => l.withoutVnni!.clippedShare! > 0);
    expect(clipping.length).toBeGreaterThan(0);
    for (const { withoutVnni } of clipping) {
      expect(withoutVnni!.canClip).toBeGreaterThan(0);
      expect(withoutVnni!.sqnrDb).toBeLessThan(150);
    }
    expect(codes(result)).toContain('clips-without-vnni');
  });

  // with VNNI and without an emulator there are no such kernels: lib/emulated.ts says so
  it.skipIf(!hasClippingKernels)(
    'and that is what such a processor gives',
    { timeout: 300_000 },
    () => {
      const jobs = [{ model: folder.at('x86-vnni.onnx'), feeds }];
      const [exact] = runProcess('exact', jobs);
      const [there] = runProcess('clipping', jobs);
      const seen = result.withoutVnni!;
      expect(seen.samples).toBe(COUNT);
      for (const { name, sqnrDb, maxAbs } of seen.outputs) {
        const closeness = new ClosenessAccumulator();
        exact!.forEach((sample, i) =>
          closeness.add(sample[name]!.data as Float32Array, there![i]![name]!.data as Float32Array),
        );
        expect(closeness.maxAbs).toBeGreaterThan(1e-3);
        expect(maxAbs).toBeCloseTo(closeness.maxAbs, 5);
        expect(sqnrDb).toBeCloseTo(closeness.sqnrDb, 3);
      }
    },
  );
});

describe('a run for other targets', () => {
  it('for x86-avx2 clips nothing', async () => {
    const result = await evaluated('x86-avx2');
    expect(codes(result)).not.toContain('clips-without-vnni');
    for (const { withoutVnni } of result.layers)
      if (withoutVnni) expect(withoutVnni.clippedShare).toBe(0);
    for (const { maxAbs } of result.withoutVnni?.outputs ?? []) expect(maxAbs).toBe(0);
  });

  it('in dynamic mode too', async () => {
    const dynamic = { quantization: { mode: 'dynamic' } };
    const plain = await evaluated('onnx', dynamic);
    expect(plain.layers.some((l) => (l.withoutVnni?.canClip ?? 0) > 0)).toBe(true);
    const careful = await evaluated('x86-avx2', dynamic);
    expect(careful.layers.some((l) => l.withoutVnni !== null)).toBe(true);
    expect(careful.layers.every((l) => (l.withoutVnni?.canClip ?? 0) === 0)).toBe(true);
    expect(codes(careful)).not.toContain('can-clip-without-vnni');
  });

  it('that are never run here only says that they can', async () => {
    const text = stringify({
      model: path.join(samples, 'factor-cnn.onnx'),
      output: 'only.onnx',
      target: 'onnx',
      calibration: { data: path.join(samples, 'calibration.npy') },
    });
    const { result } = await run(folder.at('only.quant.yaml'), { text, until: 'quantize' });
    expect(codes(result)).toContain('can-clip-without-vnni');
    expect(result.withoutVnni).toBeNull();
    expect(result.layers.some((l) => (l.withoutVnni?.canClip ?? 0) > 0)).toBe(true);
  });
});

describe('machineTarget', () => {
  it('asks the kernels where the system tells nothing', async () => {
    const { pairsClip } = await import('../../src/runtime/pair-probe');
    const clip = await pairsClip();
    const sources = { platform: 'win32' as const, pairsClip };
    const unread = () => Promise.reject(new Error('none'));
    const { target, note } = await machineTarget('x64', unread, sources);
    expect({ target, note }).toEqual({ target: clip ? 'x86-avx2' : 'x86-vnni', note: null });
    if (process.arch !== 'x64' || process.platform !== 'linux') return;
    expect((await machineTarget()).target).toBe(target); // and the flags agree
  });
});
