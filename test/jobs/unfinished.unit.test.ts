import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../src/jobs/keys';
import { Store } from '../../src/jobs/store';
import { counted, findOnce, TimeOver, Unfinished } from '../../src/jobs/unfinished';
import { temporaryFolder } from '../lib/files';

const folder = temporaryFolder();
const storeOf = (name: string, saveEveryMs?: number) =>
  new Store(folder.at(name, 'net.quant.yaml'), saveEveryMs);
const files = (name: string) => readdirSync(folder.at(name, '.vernier')).sort();
const KEY = keyOf('x');

describe('a stored state', () => {
  it('comes back bit by bit, and is nothing where it is damaged', async () => {
    const store = storeOf('bits');
    const state = new Map([['a', { values: Float32Array.of(-0, NaN, Infinity), n: 2n ** 60n }]]);
    await store.writeState('s', state);
    expect(await store.readState('s')).toStrictEqual(state);
    writeFileSync(folder.at('bits', '.vernier', 'net.s.state'), 'broken');
    expect(await store.readState('s')).toBeNull();
    expect(await store.readState('none')).toBeNull();
  });

  it('is forgotten where newer ones of its kind came, documents of that kind are not', async () => {
    const store = storeOf('many');
    await store.write(`evaluation.${keyOf(0)}`, 1);
    await store.write(`means.${keyOf(0)}`, 1);
    for (let i = 0; i < 20; i++) {
      await store.writeState(`evaluation.${keyOf(i)}`, i);
      await store.writeState(`means.${keyOf(i)}`, i);
    }
    const count = (end: RegExp) => files('many').filter((name) => end.test(name)).length;
    expect(count(/evaluation.*\.state$/)).toBe(16);
    expect(count(/means.*\.state$/)).toBe(1);
    expect(count(/\.json$/)).toBe(2);
  });
});

describe('unfinished work', () => {
  it('is stored after so much of it, and gone when it is finished', async () => {
    const lazy = await Unfinished.open<number>(storeOf('lazy', 60_000), 'sums', KEY);
    await lazy.step(() => {
      throw new Error('it is not time yet');
    });
    const store = storeOf('eager', 0);
    const first = await Unfinished.open<number>(store, 'sums', KEY);
    expect(first.before).toBeNull();
    for (const done of [1, 2]) await first.step(() => done);
    const second = await Unfinished.open<number>(store, 'sums', KEY);
    expect(second.before).toBe(2);
    expect((await Unfinished.open<number>(store, 'sums', keyOf('y'))).before).toBeNull();
    await second.finish();
    expect(files('eager')).toEqual(['.gitignore']);
  });

  it('stops where the time is over, with the step that it has just made, and goes on from there', async () => {
    const store = storeOf('late', 60_000);
    let steps = 0;
    const find = (from: Store) =>
      findOnce<number, number>(from, 'sums', KEY, async (resume) => {
        let state = resume.before ?? 0;
        while (state < 5) {
          steps++;
          const next = ++state;
          await resume.step(() => next);
        }
        return state;
      });
    // one step is made in any case, so that who comes again and again gets there
    await expect(find(store.until(() => true))).rejects.toBeInstanceOf(TimeOver);
    await expect(find(store.until(() => steps >= 3))).rejects.toBeInstanceOf(TimeOver);
    expect(steps).toBe(3);
    expect(await find(store)).toBe(5);
    expect(steps).toBe(5);
    expect(files('late')).toEqual(['.gitignore', `net.sums.${KEY}.state`]);
  });

  it('tells of its steps once they are stored, with those of before', async () => {
    const told: (number | string)[] = [];
    const resume = { before: 4, step: async () => void told.push('stored') };
    const going = counted(resume, 4, async (done) => void told.push(done));
    expect(going.before).toBe(4);
    for (const state of [5, 6]) await going.step(() => state);
    expect(told).toEqual(['stored', 5, 'stored', 6]);
  });

  it('is found once, from where it was cut off', async () => {
    const store = storeOf('once', 0);
    const killed = findOnce<number, number>(store, 'sums', KEY, async (resume) => {
      await resume.step(() => 7);
      throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await findOnce(store, 'sums', KEY, async ({ before }) => before)).toBe(7);
    expect(files('once')).toEqual(['.gitignore', `net.sums.${KEY}.state`]);
    // a worker that was killed between storing the result and removing its part left both
    await store.writeState(`sums-part.${KEY}`, 3);
    const again = findOnce<number, number>(store, 'sums', KEY, () => {
      throw new Error('it is known');
    });
    expect(await again).toBe(7);
    expect(files('once')).toEqual(['.gitignore', `net.sums.${KEY}.state`]);
  });
});
