/** Masks of attention of any width: where it is taken apart, its parts take what it takes. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadModel, saveModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { countOps, GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';

const [ROWS, HIDDEN, HEADS, PAST] = [3, 32, 4, 5];
const folder = temporaryFolder();

/** Two layers of a decoder: keys are those of the past and its own. */
function decoder() {
  const g = new GraphBuilder(17);
  const [mask, past] = [
    g.input('mask', [1, 'keys'], 'int32'),
    g.input('past', [2, 1, HEADS, 'past', HIDDEN / HEADS]),
  ];
  const attend = (name: string, x: string) => {
    const inputs = [
      x,
      g.random(`${name}.w`, [HIDDEN, 3 * HIDDEN]),
      g.random(`${name}.b`, [3 * HIDDEN]),
    ];
    const attributes = { num_heads: HEADS, unidirectional: 1 };
    const results = [`${name}.y`, `${name}.present`];
    g.node(name, 'Attention', [...inputs, mask, past], attributes, results, 'com.microsoft');
    return results[0]!;
  };
  const last = attend('second', attend('first', g.input('x', [1, 'rows', HIDDEN])));
  return g.output(last, 'first.present').build();
}

const widths: [string, number][] = [
  ['a column a key', ROWS + PAST],
  ['one column, which masks nothing', 1],
];

async function quantized(
  quantization: { mode: string; weights?: object },
  columns: number,
  target = 'auto',
) {
  const { mode } = quantization;
  await saveModel(decoder(), folder.at('decoder.onnx'));
  const output = `${mode}-${columns}.onnx`;
  const text = stringify({
    ...{ model: 'decoder.onnx', output, quantization, target },
    inputs: {
      x: { shape: [1, ROWS, HIDDEN] },
      mask: { shape: [1, columns], range: [1, 2] },
      past: { shape: [2, 1, HEADS, PAST, HIDDEN / HEADS] },
    },
    evaluate: { data: 'random', samples: 4 },
  });
  const recipe = folder.at(`${mode}-${columns}.quant.yaml`);
  const { result } = await run(recipe, { text, until: 'evaluate' });
  return { result, written: await loadModel(folder.at(output)) };
}

describe('attention with a mask of', () => {
  it.each(widths)('%s: without VNNI', async (_, columns) => {
    const { result } = await quantized({ mode: 'dynamic' }, columns, 'x86-vnni');
    for (const layer of result.layers) expect(layer.withoutVnni!.canClip).toBeGreaterThan(0);
    expect(result.withoutVnni!.outputs.map((o) => o.name).sort()).toEqual([
      'first.present',
      'second.y',
    ]);
  });

  it.each(widths)('%s: in weight-only mode', async (_, columns) => {
    const { result, written } = await quantized(
      { mode: 'weight-only', weights: { type: 'int8' } },
      columns,
    );
    expect(result.layers.map(({ precision }) => precision)).toEqual(['int8', 'int8']);
    // one for both layers
    expect(countOps(written)).toMatchObject({ MultiHeadAttention: 2, Expand: 1 });
    for (const { sqnrDb } of result.outputs) expect(sqnrDb).toBeGreaterThan(25);
  });
});
