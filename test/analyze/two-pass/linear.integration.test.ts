/** On a linear network noise goes as the squares of weights tell: two passes give what running each layer alone gives. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/numeric';
import { serializeModel } from '../../../src/onnx';
import { npy, temporaryFolder } from '../../lib/files';
import { GraphBuilder } from '../../lib/graph';
import { run } from '../../lib/job';
import { project } from '../../lib/project';

const folder = temporaryFolder();

/** Four products in a row, 32 wide. */
function linear() {
  const g = new GraphBuilder();
  let x = g.input('image', [1, 32]);
  for (let i = 0; i < 4; i++) x = g.node(`fc${i}`, 'MatMul', [x, g.random(`w${i}`, [32, 32], 0.4)]);
  g.output(x);
  return g.build();
}

describe('two passes', () => {
  it('agree with running each layer alone on a linear network', async () => {
    const { recipePath, write, put } = await project(folder, 'linear');
    put('linear.onnx', serializeModel(linear()));
    const random = new Random(5);
    const rows = (count: number) =>
      npy(
        [count, 32],
        Float32Array.from({ length: count * 32 }, () => random.uniform(-1, 1)),
      );
    put('c.npy', rows(64));
    put('e.npy', rows(128));
    write({
      ...{ model: 'linear.onnx', output: 'linear.int8.onnx' },
      ...{ calibration: { data: 'c.npy' }, evaluate: { data: 'e.npy' } },
      ...{ quantization: { improve: [] }, sensitivity: { samples: 128, budget_s: 60 } },
    });
    const { result } = await run(recipePath);
    expect(result.layers).toHaveLength(4);
    for (const { name, onlyThisDb, twoPassDb } of result.layers)
      expect(Math.abs(twoPassDb! - onlyThisDb!), name).toBeLessThan(1);
  });
});
