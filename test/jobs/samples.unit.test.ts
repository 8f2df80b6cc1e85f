/** What of decoded samples stays in memory. */
import { describe, expect, it } from 'vitest';
import type { Feed, SampleSource } from '../../src/data';
import { holdFeed } from '../../src/data/select';
import { Memory } from '../../src/jobs/memory';
import { remembering, type Selection } from '../../src/jobs/samples';

const MEGABYTE = 1 << 20;

/** A source that counts what is read of it; a sample takes `bytes` once it is held. */
function selection(count: number, bytes: number) {
  const reads: number[] = [];
  const feed = (i: number): Feed => ({
    x: { type: 'float32', dims: [1], data: new Float32Array([i]) },
  });
  const read = (i: number) => {
    reads.push(i);
    return Promise.resolve(feed(i));
  };
  const source: SampleSource = {
    name: 'test',
    count,
    total: count,
    random: false,
    fresh: true,
    classes: null,
    notes: [],
    sample: read,
    hold: async (i) => ({ ...holdFeed(await read(i)), bytes }),
    origin: () => ({ file: null, index: null }),
    position: (i) => i,
    classOf: () => null,
    key: () => Promise.resolve('key'),
  };
  const indices = Array.from({ length: count }, (_, i) => i);
  const own: Selection = { source, indices, labels: null, key: `${count} of ${bytes}` };
  return { own, reads };
}

/** How many samples of a whole pass are not read again. */
async function kept(count: number, bytes: number): Promise<number> {
  const { own, reads } = selection(count, bytes);
  const { source } = await remembering(own, new Memory());
  for (let i = 0; i < count; i++) await source.sample(i);
  expect(reads).toHaveLength(count);
  for (let i = 0; i < count; i++) expect((await source.sample(i)).x!.data[0]).toBe(i);
  return 2 * count - reads.length;
}

describe('samples that are remembered', () => {
  it.each([
    // few: all of them; many: those that bias correction reads again
    { bytes: 1000, of: { 50: 50, 64: 64, 400: 64 } },
    // large ones fill 32 MiB, however many there are
    { bytes: MEGABYTE, of: { 50: 32, 64: 32, 400: 32 } },
    { bytes: 10 * MEGABYTE, of: { 50: 3, 400: 3 } },
  ])('of $bytes bytes', async ({ bytes, of }) => {
    for (const [count, expected] of Object.entries(of))
      expect([count, await kept(Number(count), bytes)]).toEqual([count, expected]);
  });

  it('are those of the last selection alone', async () => {
    const memory = new Memory();
    const [first, second] = [selection(4, 8), selection(5, 8)];
    const a = await remembering(first.own, memory);
    await a.source.sample(1);
    const b = await remembering(second.own, memory);
    await b.source.sample(1);
    await b.source.sample(1);
    await a.source.sample(1);
    expect([first.reads, second.reads]).toEqual([[1, 1], [1]]);
  });
});
