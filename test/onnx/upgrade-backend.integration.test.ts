import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/onnx/load';
import type { Model } from '../../src/onnx/model';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { backendCase, difference, runModel, type Feeds } from './runner';
import { noShared, SHARED, sharedFiles } from './shared';

/**
 * ONNX's own tests of single operators and of small converted models, upgraded, must give the outputs that the
 * suite expects. Those whose old opset onnxruntime no longer runs count too: upgraded, it does.
 */
const models = [...sharedFiles('backend/node'), ...sharedFiles('backend/onnx')];

/** What the original cannot be compared in: random numbers, types that the Node binding lacks. */
const SKIPPED = /bernoulli|dropout_random|training_dropout|strnorm|gradient_of_add/;

function cases(file: string): string[] {
  const folder = path.join(SHARED, path.dirname(file));
  return readdirSync(folder)
    .filter((name) => name.startsWith('test_data_set_'))
    .map((name) => path.join(folder, name))
    .filter((name) => existsSync(path.join(name, 'output_0.pb')));
}

async function outputs(model: Model, feeds: Feeds): Promise<Feeds | string> {
  try {
    return await runModel(model, feeds);
  } catch (error) {
    return String((error as Error).message).slice(0, 200);
  }
}

function firstDifference(got: Feeds, want: Feeds): string | null {
  for (const [name, tensor] of Object.entries(want)) {
    const d = difference(got[name], tensor);
    if (d) return `${name}: ${d}`;
  }
  return null;
}

describe.skipIf(noShared)(
  'backend tests below an opset, upgraded, give the expected outputs',
  () => {
    it.each([
      [13, 66],
      [17, 150],
      [18, 164],
      [21, 237],
      [24, 282],
    ])('to %i', async (to, atLeast) => {
      const count = { ran: 0, asExpected: 0, onlyUpgraded: 0, skipped: 0 };
      const wrong: string[] = [];
      for (const file of models) {
        const model = await loadModel(path.join(SHARED, file));
        const from = model.domainVersion('');
        if (from === null || from >= to || SKIPPED.test(file)) continue;
        const upgraded = upgradeOpset(model, to).model;
        for (const folder of cases(file)) {
          const test = backendCase(model, folder);
          if (!test) {
            count.skipped++;
            continue;
          }
          const before = await outputs(model, test.feeds);
          const good = typeof before !== 'string' && firstDifference(before, test.want) === null;
          const after = await outputs(upgraded, test.feeds);
          // the runtime itself differs from the suite, or has the operator for these types in no opset
          if (!good && (typeof before !== 'string' || before === after)) {
            count.skipped++;
            continue;
          }
          count.ran++;
          const failure = typeof after === 'string' ? after : firstDifference(after, test.want);
          if (failure)
            wrong.push(
              `${file}: ${failure} (before: ${typeof before === 'string' ? before : 'good'})`,
            );
          else if (good) count.asExpected++;
          else count.onlyUpgraded++;
        }
      }
      console.info(`opset ${to}:`, count);
      expect(wrong).toEqual([]);
      expect(count.asExpected).toBeGreaterThanOrEqual(atLeast);
    });
  },
);
