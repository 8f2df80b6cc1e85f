import { describe, expect, it } from 'vitest';

type Sections = [title: string, body: string][];
const url = new URL('../../bench/lib/results.mjs', import.meta.url).href;
const { replaced } = (await import(url)) as {
  replaced: (text: string, newer: Sections, order: string[]) => Sections;
};

const file = '# Measured\n\nWords.\n\n## A\n\na 1\n\n## Gone\n\nold\n\n## C\n\nc 1\n';

describe('sections of the report', () => {
  it('take the place of those of the same title, in order, and leave the others', () => {
    expect(
      replaced(
        file,
        [
          ['B', 'b 2'],
          ['A', 'a 2'],
        ],
        ['A', 'B', 'C'],
      ),
    ).toEqual([
      ['A', 'a 2'],
      ['B', 'b 2'],
      ['C', 'c 1'],
    ]);
  });

  it('begin a report where there is none', () => {
    expect(replaced('', [['C', 'c']], ['A', 'B', 'C'])).toEqual([['C', 'c']]);
  });
});
