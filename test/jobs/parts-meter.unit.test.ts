/** Parts that count as one: steps of all of them, and the time that is left in all. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Meter } from '../../src/jobs/meter';
import { PartsMeter } from '../../src/jobs/parts-meter';
import type { Progress } from '../../src/results';

let now = 0;
beforeEach(() => {
  now = 1e12;
  vi.spyOn(Date, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

function setUp(steps: number[]) {
  const sent: Progress[] = [];
  const whole = new Meter((progress) => sent.push(progress));
  const parts = new PartsMeter(whole, steps, { stage: 'sensitivity', detail: 'two-pass' });
  return { parts, sent };
}

/** Makes the steps behind `from` of a part, each of which takes a second. */
async function make(meter: Meter, total: number, from = 0) {
  await meter.begin('layer errors', total, 'something', from);
  for (let done = from + 1; done <= total; done++) {
    now += 1000;
    await meter.step(done, total, 'something');
  }
}

it('the steps of all parts count up to their sum, under one name', async () => {
  const { parts, sent } = setUp([0, 2, 3]);
  await make(parts.meter, 4);
  parts.next();
  await make(parts.meter, 2);
  parts.next();
  await make(parts.meter, 3);
  expect(sent.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9]);
  expect(new Set(sent.map(({ total }) => total))).toEqual(new Set([9]));
  expect(new Set(sent.map(({ stage, detail }) => `${stage} ${detail}`))).toEqual(
    new Set(['sensitivity two-pass']),
  );
});

it('what is left is that of this part and of those behind it, at the speed of the last step', async () => {
  const { parts, sent } = setUp([0, 2, 3]);
  await make(parts.meter, 4);
  parts.next();
  await make(parts.meter, 2);
  expect(sent.map(({ etaSeconds }) => etaSeconds)).toEqual([null, 8, 7, 6, 5, 5, 4, 3]);
});

it('what was stored before tells nothing of time, and a part that was is passed by', async () => {
  const { parts, sent } = setUp([0, 4, 3]);
  parts.next();
  await make(parts.meter, 4, 2);
  expect(sent.map(({ done }) => done)).toEqual([2, 3, 4]);
  expect(sent.map(({ etaSeconds }) => etaSeconds)).toEqual([null, 4, 3]);
  parts.next();
  parts.next();
  expect(sent.at(-1)).toMatchObject({ done: 4, total: 7 });
});
