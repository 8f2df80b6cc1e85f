/** Notes stand in every form of the reports that have them. */
import { expect, it } from 'vitest';
import { choiceDocument, choiceText } from '../../src/report/choice';
import { mixedDocument, mixedHtml, mixedText } from '../../src/report/mixed';
import { searchDocument, searchHtml, searchText } from '../../src/report/search';
import {
  sensitivityDocument,
  sensitivityHtml,
  sensitivityText,
} from '../../src/report/sensitivity';
import type { ModeChoice, Note } from '../../src/results';
import { runResult } from '../fixtures/result';
import { search } from '../fixtures/search';
import { mixed } from '../webview/harness/mixed';
import { sensitivity } from '../webview/harness/sensitivity';

const result = runResult();
const note: Note = {
  code: 'no-match',
  severity: 'warning',
  message: "'/cnov' matches no layer.",
  file: 'a.quant.yaml',
  remedy: 'Did you mean <conv>?',
};
const notes = [note];
const choice: ModeChoice = {
  ...{ model: 'm.onnx', recipe: null, target: 'x86-vnni', trials: [], winner: 'float32' },
  ...{ reason: 'nothing else was tried', rule: 'the fastest wins', fp32Bytes: 1, runtime: '1' },
  ...{ measuredOn: { samples: 1, source: 'd.npy', random: false } },
  ...{ machine: 'cpu', threads: 1, notes },
};
const plans = { ...mixed(true), notes };
const layers = { ...sensitivity(result), notes };
const found = { ...search(result, result.latency!), notes };

it.each([
  ['plan', mixedText(plans), mixedDocument(plans), mixedHtml(plans)],
  ['sensitivity', sensitivityText(layers), sensitivityDocument(layers), sensitivityHtml(layers)],
  ['auto', searchText(found), searchDocument(found), searchHtml(found)],
  ['choose', choiceText(choice), choiceDocument(choice), null],
])('%s', (_, text, document, html) => {
  expect(text).toContain("warning: '/cnov' matches no layer. Did you mean <conv>?");
  expect(document).toMatchObject({ notes: [{ ...note, layer: null, tensor: null }] });
  if (html === null) return;
  expect(html).toContain('<section id="notes">');
  expect(html).toContain('Did you mean &lt;conv&gt;?');
});
