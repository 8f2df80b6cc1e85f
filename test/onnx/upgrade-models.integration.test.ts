import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/onnx/load';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { difference, randomFeeds, runModel } from './runner';
import { noShared, SHARED, sharedFiles } from './shared';

const models = sharedFiles('models').filter((f) => !f.includes('test_data_set'));

describe.skipIf(noShared)('the shared models, upgraded, give the same outputs', () => {
  it.each(models.flatMap((file) => [13, 17, 21, 24].map((to) => [file, to] as const)))(
    '%s to %i',
    async (file, to) => {
      const model = await loadModel(path.join(SHARED, file));
      const upgraded = upgradeOpset(model, to).model;
      expect(upgraded.opset).toBe(Math.max(model.opset, to));
      const feeds = randomFeeds(model, 7, file.includes('mnist') ? 255 : 1);
      const want = await runModel(model, feeds);
      const got = await runModel(upgraded, feeds);
      for (const [name, tensor] of Object.entries(want))
        expect([name, difference(got[name], tensor, 1e-4, 1e-5)]).toEqual([name, null]);
    },
  );
});
