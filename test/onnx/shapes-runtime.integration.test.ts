import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { loadModel } from '../../src/onnx/load';
import type { Model } from '../../src/onnx/model';
import { inlineExternal } from '../../src/onnx/save';
import { makeValueInfo, valueType } from '../../src/onnx/schema';
import { inferShapes, type TensorInfo } from '../../src/onnx/shapes';
import { ruleOf } from '../../src/onnx/shapes/rules';
import { backendCase, randomFeeds, runModel, type Feeds } from './runner';
import { noShared, SHARED, sharedFiles } from './shared';

/** A copy in which every tensor with a known type is an output. */
function withAllOutputs(model: Model, shapes: ReadonlyMap<string, TensorInfo>): Model {
  const copy = model.copy();
  const known = new Set(copy.graph.output.map((v) => v.name));
  for (const node of copy.graph.node)
    for (const name of node.output) {
      const { type } = shapes.get(name) ?? { type: 'undefined' };
      if (name === '' || known.has(name) || type === 'undefined') continue;
      copy.graph.output.push(makeValueInfo(name, type, null));
      known.add(name);
    }
  return copy;
}

/** The backend suite's own inputs where there are some: declared shapes may hold for these alone. */
function feedsOf(file: string, model: Model): Feeds {
  const folder = path.join(SHARED, path.dirname(file), 'test_data_set_0');
  const test = existsSync(folder) ? backendCase(model, folder) : null;
  return test?.feeds ?? randomFeeds(model, 3, 3);
}

/** Tensors that a rule speaks of. */
function tensorsWithRules(model: Model): Set<string> {
  return new Set(model.graph.node.flatMap((n) => (ruleOf(n) ? n.output : [])));
}

async function run(model: Model, feeds: Feeds): Promise<Feeds | null> {
  try {
    return await runModel(model, feeds);
  } catch {
    return null;
  }
}

async function open(file: string): Promise<Model | null> {
  try {
    return inlineExternal(await loadModel(path.join(SHARED, file)));
  } catch (error) {
    if (error instanceof VernierError) return null;
    throw error;
  }
}

function isLarge(model: Model): boolean {
  const sizes = model.graph.input.map((v) =>
    (valueType(v).shape ?? []).reduce<number>((n, d) => n * (typeof d === 'number' ? d : 1), 1),
  );
  return Math.max(0, ...sizes) > 500_000;
}

describe.skipIf(noShared)('what inference says, the runtime does', () => {
  it('in every tensor of every shared model that runs', async () => {
    const wrong: string[] = [];
    const count = { models: 0, tensors: 0, static: 0, ranked: 0 };
    for (const file of sharedFiles()) {
      const model = await open(file);
      if (!model || isLarge(model)) continue;
      const feeds = feedsOf(file, model);
      const inferred = tensorsWithRules(model);
      const inputShapes = Object.fromEntries(
        Object.entries(feeds).map(([k, t]) => [k, [...t.dims]]),
      );
      const shapes = inferShapes(model, inputShapes);
      const got = (await run(withAllOutputs(model, shapes), feeds)) ?? (await run(model, feeds));
      if (!got) continue;
      count.models++;
      for (const [name, tensor] of Object.entries(got)) {
        if (!(tensor?.dims as unknown)) continue; // sequences
        count.tensors++;
        const shape = shapes.get(name)?.shape;
        if (!shape || !inferred.has(name)) continue; // declarations may be wrong, and some are
        count.ranked++;
        if (shape.every((d) => typeof d === 'number')) count.static++;
        const same =
          shape.length === tensor.dims.length &&
          shape.every((d, i) => typeof d !== 'number' || d === tensor.dims[i]);
        if (!same) wrong.push(`${file} ${name}: [${shape.join()}], ran [${tensor.dims.join()}]`);
      }
    }
    console.info(count);
    expect(wrong).toEqual([]);
    expect(count.static).toBeGreaterThan(6500);
  });
});
