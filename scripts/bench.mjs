// `npm run bench [-- NAME…] [--only PART,…] [--quick] [--strict] [--write]`: the figures that the project promises, measured here.
// NAME is reach, lstm, a section of bench/sections.mjs, or part of a model's name. --only: of the sections that have many cases
// (architectures, corpus), those with such a part in their name. --quick: shorter, and the peer only from an earlier run;
// --strict: a missed requirement fails; --write: keeps the tables as bench/RESULTS.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from './lib/install.mjs';
import { at } from './lib/paths.mjs';
import { main, Remedy, seconds } from './lib/run.mjs';

const args = process.argv.slice(2);
const onlyAt = args.indexOf('--only');
/** Parts of the names of the cases that are wanted; null for all. */
const only = onlyAt < 0 ? null : (args.splice(onlyAt, 2)[1]?.split(',').filter(Boolean) ?? []);
const flags = args.filter((arg) => arg.startsWith('--'));
const names = args.filter((arg) => !arg.startsWith('--'));
const folder = mkdtempSync(join(tmpdir(), 'vernier-bench-'));

main(bench, () => rmSync(folder, { recursive: true, force: true }));

async function bench() {
  const unknown = flags.find((flag) => !['--quick', '--strict', '--write'].includes(flag));
  if (unknown) throw new Remedy(`${unknown} is not known; --quick, --strict and --write are.`);
  if (flags.includes('--write') && (names.length > 0 || flags.includes('--quick')))
    throw new Remedy('--write keeps whole runs only: leave out the names and --quick.');
  const start = performance.now();
  await ensurePackages();
  const { build } = await import('./build.mjs');
  await build({ quiet: true });
  const surroundings = await prepare();
  const sections = await measure(surroundings);
  const text = await format(surroundings, sections);
  console.log(`\n${text}`);
  if (flags.includes('--write')) writeFileSync(at('bench/RESULTS.md'), text);
  const { misses, total } = surroundings.tally;
  console.log(`${total - misses.length} of ${total} requirements met, in ${seconds(start)}.`);
  if (misses.length > 0 && flags.includes('--strict')) process.exitCode = 1;
}

/** Everything that the measurements share. */
async function prepare() {
  const [{ loadClient }, { findPeer }, { Tally }] = await Promise.all([
    import('../bench/lib/source.mjs'),
    import('../bench/peer.mjs'),
    import('../bench/lib/table.mjs'),
  ]);
  const { JobClient, readResult, hurtingLayers, ...shared } = await loadClient();
  if (!shared.hasShared)
    throw new Remedy('The open models and data are needed in ../shared/data, and are not there.');
  const worker = at('dist/worker.js');
  const peer = await findPeer(shared.SHARED);
  if (peer.missing) console.error(`The peer is quoted, not measured: ${peer.missing}.`);
  return {
    folder,
    worker,
    client: () => new JobClient(worker),
    readResult,
    hurtingLayers,
    shared,
    peer,
    quick: flags.includes('--quick'),
    /** Whether `--only` leaves a case of this name in. */
    wants: (name) => only === null || only.some((part) => name.includes(part)),
    tally: new Tally(),
    attempt,
  };
}

/** What a measurement gives, or null where it could not run: that is said, the others go on, and the bench fails. */
async function attempt(what, body) {
  console.error(`… ${what}`);
  try {
    return await body();
  } catch (error) {
    console.error(`${what} could not run: ${error.stack ?? error}`);
    process.exitCode = 1;
    return null;
  }
}

/** The chosen sections: [title, paragraphs and tables]. */
async function measure(surroundings) {
  const [{ cases }, { sections: known }, { lstmTable, reach }] = await Promise.all([
    import('../bench/cases.mjs'),
    import('../bench/sections.mjs'),
    import('../bench/reach.mjs'),
  ]);
  const wants = (section) => names.length === 0 || names.includes(section);
  const chosen = cases.filter(
    ({ name, lstm }) =>
      wants('reach') || (lstm && wants('lstm')) || names.some((part) => name.includes(part)),
  );
  const further = known.filter(({ name }) => wants(name));
  if (chosen.length === 0 && further.length === 0)
    throw new Remedy(
      `Nothing is called ${names.join(', ')}: reach, lstm, ${known.map(({ name }) => name).join(', ')}, or a model.`,
    );
  const sections = [];
  if (chosen.length > 0) {
    const { text, lstm } = await reach(chosen, surroundings);
    sections.push(['What INT8 reaches', text]);
    if (lstm.length > 0) sections.push(['One window of price-lstm, one thread', [lstmTable(lstm)]]);
  }
  for (const { title, measure: section } of further)
    sections.push([title, await section(surroundings)]);
  return sections;
}

/** Markdown that reads as well on a terminal. */
async function format({ peer, tally }, sections) {
  const [prettier, { busy, machine }] = await Promise.all([
    import('prettier'),
    import('../bench/lib/machine.mjs'),
  ]);
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json');
  const load = busy();
  const text = [
    '# Measured',
    `${new Date().toISOString().slice(0, 10)}, ${machine({ ort: version })}.`,
    ...(load > 1.2
      ? [
          `The machine was busy with other things (load ${load.toFixed(1)} a core): compare ratios, not times.`,
        ]
      : []),
    'One recipe with defaults; “MACs run in INT8” is read from the graph that the runtime executes. ' +
      'Speed is the median ratio of interleaved pairs with its 95 % interval. ' +
      (peer.version
        ? `The peer ran on the same machine, its speed beside ours; figures marked as quoted are from an earlier measurement on another machine.`
        : `The peer is quoted: ${peer.missing}.`),
    ...sections.flatMap(([title, parts]) => [`## ${title}`, ...parts]),
    ...(tally.misses.length > 0
      ? ['## Missed', tally.misses.map((what) => `- ${what}`).join('\n')]
      : []),
  ].join('\n\n');
  const file = at('bench/RESULTS.md');
  return prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file });
}
