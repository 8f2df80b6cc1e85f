import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import { en } from '../../../webview/l10n/en';
import { FUSIONS } from '../../../src/analyze/fusions/table';
import { fusionsPage } from '../../../src/analyze/fusions/page';
import { CASES } from './cases';

const PAGE = path.resolve(import.meta.dirname, '../../../docs/fusions.md');

describe('the table of fusions', () => {
  it('has a small graph for every name but that of whole attentions', () => {
    const names = FUSIONS.flatMap((row) => [row.name, ...(row.also ?? [])]);
    const tried = new Set(CASES.map(([name]) => name));
    expect(names.filter((name) => !tried.has(name))).toEqual(['Attention']);
  });

  it.each(FUSIONS)('$name says of what may block it all that its graphs show', (row) => {
    const names = [row.name, ...(row.also ?? [])];
    const shown = CASES.flatMap(([name, , says]) => (names.includes(name) ? [says] : []));
    const told: readonly string[] = [...row.blockers, 'will'];
    expect(shown.filter((says) => !told.includes(says))).toEqual([]);
  });

  it('is what the documentation page shows; node scripts/operators.mjs writes it', async () => {
    const options = { ...(await prettier.resolveConfig(PAGE)), filepath: PAGE };
    expect(readFileSync(PAGE, 'utf8')).toBe(await prettier.format(fusionsPage(), options));
  });
});

it('the page says of each pattern what the table of fusions says', () => {
  for (const { name, also = [], gain } of FUSIONS)
    for (const each of [name, ...also]) expect(en[`fusions.gain.${each}`]).toBe(gain);
});
