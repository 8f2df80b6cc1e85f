import { describe, expect, it } from 'vitest';
import { small } from './build';
import { CASES } from './cases';
import { compared, mistakes } from './compare';

describe('the table of fusions', () => {
  it.each(CASES)('%s: %s (%s)', async (pattern, _, says, model) => {
    const { all, missed } = await compared(small(model));
    const found = all.find(({ said }) => said.pattern === pattern);
    expect(found?.said.blockedBy?.code ?? found?.said.status).toBe(says);
    // and whatever else is said of the graph is what the runtime does
    expect(mistakes(all)).toEqual([]);
    expect(missed).toEqual([]);
  });
});
