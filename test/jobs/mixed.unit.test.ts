/** What is slower in INT8 here: which of it a plan begins with. */
import { describe, expect, it } from 'vitest';
import { slowLayers } from '../../src/jobs/mixed';

describe('layers that are faster in FP32', () => {
  const possible = new Set(['a', 'b', 'c', 'd']);

  it.each([
    ['all, the most to save first', [['b'], ['a']], 8, ['b', 'a']],
    [
      'whole groups only, as many as a plan may have',
      [['a', 'b'], ['c', 'd'], ['d']],
      3,
      ['a', 'b', 'd'],
    ],
    [
      'none that cannot be planned, and each once',
      [
        ['x', 'a'],
        ['a', 'b'],
      ],
      8,
      ['a', 'b'],
    ],
    ['none where nothing is slower', [], 8, []],
  ])('%s', (_, groups, most, slow) => {
    expect(slowLayers(groups, possible, most)).toEqual(slow);
  });
});
