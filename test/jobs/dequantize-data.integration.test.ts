/** A de-quantized model whose weights stand beside it. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dequantizeFile } from '../../src/jobs/dequantize';
import { loadModel, saveModel, isExternal } from '../../src/onnx';
import { externalLocation } from '../../src/onnx/external';
import { inferShapes } from '../../src/onnx/shapes';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { listUnits } from '../../src/quantize/units';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';

const folder = temporaryFolder();

function products() {
  const g = new GraphBuilder();
  const first = g.node('a', 'MatMul', [g.input('x', [2, 32]), g.random('w', [32, 64])]);
  g.output(g.node('b', 'MatMul', [first, g.random('u', [64, 16])]));
  return g.build();
}

describe('weights of a de-quantized model in a file of their own', () => {
  it('bear the name of the output, and nothing of the trial stays', async () => {
    const { model: prepared, context } = await prepare(products());
    const types = inferShapes(prepared);
    const units = listUnits(prepared, context, (name) => types.get(name)?.type);
    const { model } = quantizeDynamic(prepared, units, new Set(), 'channel');
    await saveModel(model, folder.at('in', 'q.onnx'));
    const request = { model: folder.at('in', 'q.onnx'), output: folder.at('out', 'f.onnx') };
    const run = () => dequantizeFile(request, () => undefined, { weights: 'external' });
    const { outputs } = await run();
    expect(outputs.length).toBe(1);
    await run(); // again over the earlier one
    const written = await loadModel(request.output);
    const beside = written.graph.initializer.filter((t) => isExternal(t));
    expect(beside.length).toBeGreaterThan(0);
    const names = new Set(beside.map((t) => externalLocation(t).location));
    expect([...names]).toEqual([expect.stringMatching(/^f\.onnx\.[0-9a-f]{16}\.data$/)]);
    expect(readdirSync(path.dirname(request.output)).sort()).toEqual(['f.onnx', ...names].sort());
  });
});
