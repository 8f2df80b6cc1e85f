// The report of the bench: Markdown that reads as well on a terminal, kept section by section in bench/RESULTS.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { at } from '../../scripts/lib/paths.mjs';
import { sections as known } from '../sections.mjs';
import { busy, machine } from './machine.mjs';

const FILE = at('bench/RESULTS.md');
const INTRODUCTION =
  'One recipe with defaults; “MACs run in INT8” is read from the graph that the runtime executes. Speed is the median ratio of ' +
  'interleaved pairs with its 95 % interval. Figures of the peer that are marked as quoted are from an earlier measurement on ' +
  'another machine.';
/** In this order they stand in the file. */
const ORDER = [
  'What INT8 reaches',
  'One window of price-lstm, one thread',
  ...known.map(({ title }) => title),
];

/** When a section was measured, on what, and beside what. */
export async function conditions(peer) {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');
  const load = busy();
  return [
    `${new Date().toISOString().slice(0, 10)}, ${machine({ ort: version })}.`,
    load > 1.2 &&
      `The machine was busy with other things (load ${load.toFixed(1)} a core): compare ratios, not times.`,
    peer.version ? '' : `The peer is quoted: ${peer.missing}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** The sections as Markdown. With `keep` they take the place of the same ones in bench/RESULTS.md. */
export async function writeSections(sections, keep) {
  const prettier = await import('prettier');
  const format = async (text) =>
    prettier.format(text, { ...(await prettier.resolveConfig(FILE)), filepath: FILE });
  const texts = sections.map(({ title, parts }) => [title, parts.join('\n\n')]);
  if (keep) {
    const all = replaced(existsSync(FILE) ? readFileSync(FILE, 'utf8') : '', texts);
    writeFileSync(FILE, await format(document(all)));
  }
  return format(document(texts));
}

/** The sections of a file with some of them in newer form, in order; those that nothing measures any more go. */
export function replaced(text, newer, order = ORDER) {
  const old = text.split(/^## /m).slice(1);
  const all = new Map(
    old.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end).trim(), part.slice(end).trim()];
    }),
  );
  for (const [title, body] of newer) all.set(title, body);
  return order.filter((title) => all.has(title)).map((title) => [title, all.get(title)]);
}

function document(sections) {
  const parts = sections.flatMap(([title, body]) => [`## ${title}`, body]);
  return ['# Measured', INTRODUCTION, ...parts].join('\n\n');
}
