/** `layers: - { match, precision: int8 }` on layers that stay float by default, from recipe to result. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { npy, temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { hasShared, sharedFile, windows } from '../lib/shared';

const folder = temporaryFolder();

describe.skipIf(!hasShared)('char_gpt, whose attention stays float', () => {
  const recipe = (layers: object[]) => {
    const { calibration } = windows();
    const data = BigInt64Array.from(
      calibration.slice(0, 8).flatMap((window) => [...window.slice(0, 128)]),
    );
    folder.put('text.npy', npy([8, 1, 128], data));
    return stringify({
      model: sharedFile('selftrained/char_gpt.onnx'),
      output: 'gpt.onnx',
      calibration: { data: 'text.npy' },
      evaluate: { data: 'text.npy' },
      layers,
    });
  };

  it('shows why, part by part', { timeout: 120_000 }, async () => {
    const text = recipe([{ match: '*', precision: 'int8' }]);
    const { result } = await run(folder.at('gpt.quant.yaml'), { text, until: 'quantize' });
    const reason = (name: string) => result.layers.find((l) => l.name === name)!.reason;
    expect(reason('/blocks.0.qk/MatMul')).toMatch(/masked Softmax/);
    expect(reason('/blocks.0.sm/Softmax')).toMatch(/masked Softmax/);
    expect(reason('/blocks.0.qks/Mul')).toMatch(/masked Softmax/);
    expect(reason('/blocks.0.ln1_n/Div')).toMatch(/LayerNorm/);
    expect(reason('/blocks.0.gelu_e/Erf')).toMatch(/GELU/);
    expect(reason('/blocks.0.res1/Add')).toMatch(/residual/);
    expect(result.layers.filter((l) => l.executed === 'int8')).toHaveLength(17);
    for (const layer of result.layers) {
      expect(layer.executed, layer.name).not.toBeNull();
      expect(layer.reason === null, layer.name).toBe(layer.executed === 'int8');
    }
  });

  it('runs in integers what is asked for', { timeout: 120_000 }, async () => {
    const text = recipe([
      { match: '/blocks.?.qk/MatMul', precision: 'int8' },
      { match: '/blocks.0.res1/Add', precision: 'int8' },
    ]);
    const { result } = await run(folder.at('gpt.quant.yaml'), { text, until: 'evaluate' });
    const executed = result.layers.filter((l) => l.executed === 'int8').map((l) => l.name);
    expect(executed).toHaveLength(17 + 5);
    expect(executed).toContain('/blocks.3.qk/MatMul');
    expect(executed).toContain('/blocks.0.res1/Add');
    expect(result.layers.find((l) => l.name === '/blocks.0.qk/MatMul')!.kernel).toBe(
      'MatMulIntegerToFloat',
    );
    expect(result.sqnrDb['logits']).toBeGreaterThan(20);
  });
});
