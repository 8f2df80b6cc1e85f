/** Masks of attention of any width: what is said of processors without VNNI takes what the model takes. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { saveModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';

const [ROWS, HIDDEN, HEADS, PAST] = [3, 32, 4, 5];
const folder = temporaryFolder();

/** A layer of a decoder: keys are those of the past and its own. */
function decoder() {
  const g = new GraphBuilder(17);
  const inputs = [
    g.input('x', [1, 'rows', HIDDEN]),
    g.random('w', [HIDDEN, 3 * HIDDEN]),
    g.random('b', [3 * HIDDEN]),
    g.input('mask', [1, 'keys'], 'int32'),
    g.input('past', [2, 1, HEADS, 'past', HIDDEN / HEADS]),
  ];
  const attributes = { num_heads: HEADS, unidirectional: 1 };
  g.node('att', 'Attention', inputs, attributes, ['y', 'present'], 'com.microsoft');
  return g.output('y', 'present').build();
}

describe('attention in dynamic mode', () => {
  it.each([
    ['a column a key', ROWS + PAST],
    ['one column, which masks nothing', 1],
  ])('with a mask of %s', async (_, columns) => {
    await saveModel(decoder(), folder.at('decoder.onnx'));
    const text = stringify({
      model: 'decoder.onnx',
      output: `decoder-${columns}.int8.onnx`,
      quantization: { mode: 'dynamic' },
      inputs: {
        x: { shape: [1, ROWS, HIDDEN] },
        mask: { shape: [1, columns], range: [1, 2] },
        past: { shape: [2, 1, HEADS, PAST, HIDDEN / HEADS] },
      },
      evaluate: { data: 'random', samples: 4 },
    });
    const { result } = await run(folder.at(`${columns}.quant.yaml`), { text, until: 'evaluate' });
    const [layer] = result.layers;
    expect(layer!.withoutVnni!.canClip).toBeGreaterThan(0);
    const { outputs } = result.withoutVnni!;
    expect(outputs.map((o) => o.name)).toEqual(['y', 'present']);
    for (const { sqnrDb } of outputs) expect(sqnrDb).toBeGreaterThan(0);
  });
});
