import { expect, it } from 'vitest';
import type { Note } from '../../src/protocol';
import { foundNotes } from '../../webview/logic/found-notes';
import { runResult } from '../fixtures/result';
import { mixed } from './harness/mixed';
import { sensitivity } from './harness/sensitivity';

const note = (message: string): Note => ({ code: 'no-match', severity: 'warning', message });
const found = {
  mixed: { ...mixed(true), notes: [note('of plans')] },
  sensitivity: { ...sensitivity(runResult()), notes: [note('of layers')] },
};

it.each<[string, boolean, boolean, string[]]>([
  ['of the recipe as it is', false, false, ['of plans', 'of layers']],
  ['not of one that the plans were not tried with', true, false, ['of layers']],
  ['not of one that the layers were not tried with', false, true, ['of plans']],
])('%s', (_, dirtySincePlans, dirtySinceSensitivity, told) => {
  const recipe = { dirtySincePlans, dirtySinceSensitivity };
  expect(foundNotes({ ...found, recipe }).map(({ message }) => message)).toEqual(told);
});

it('are none where nothing was measured, or an earlier version measured it', () => {
  const recipe = { dirtySincePlans: false, dirtySinceSensitivity: false };
  expect(foundNotes({ mixed: null, sensitivity: null, recipe })).toEqual([]);
  expect(foundNotes({ mixed: mixed(true), sensitivity: null, recipe })).toEqual([]);
});
