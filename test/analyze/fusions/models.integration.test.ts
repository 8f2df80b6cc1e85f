/** What is said of every open model, as it comes and quantized, against what the runtime makes of it. */
import { describe, expect, it } from 'vitest';
import { openModels, openWithFeeds, sampleModels } from '../../lib/models';
import { quantizeReady, ready } from '../../lib/quantize';
import { hasShared } from '../../lib/shared';
import { compared, mistakes } from './compare';

const models = [...(hasShared ? openModels : []), ...sampleModels];

describe.each(models)('$name', (item) => {
  it('as it comes', async () => {
    const { model } = await openWithFeeds(item, 1);
    const { all, missed } = await compared(model);
    expect(mistakes(all)).toEqual([]);
    expect(missed).toEqual([]);
  });

  it('quantized', { timeout: 200_000 }, async () => {
    const { model, feeds } = await openWithFeeds(item, 2);
    const quantized = quantizeReady(await ready(model, feeds));
    const { all, missed } = await compared(quantized.model);
    expect(mistakes(all)).toEqual([]);
    expect(missed).toEqual([]);
  });
});
