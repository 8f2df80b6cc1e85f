// `npm run bench [-- NAME…] [--only PART,…] [--quick] [--strict] [--write]`: the figures that the project promises, measured here.
// NAME is reach, lstm, a section of bench/sections.mjs, or part of a model's name. --only: of the sections that have many cases
// (architectures, corpus), those with such a part in their name. --quick: shorter, and the peer only from an earlier run;
// --strict: a missed requirement fails; --write: keeps the sections that ran in bench/RESULTS.md, and leaves the others there.
import { mkdtempSync, rmSync } from 'node:fs';
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
  const write = flags.includes('--write');
  if (write && (only !== null || flags.includes('--quick')))
    throw new Remedy('--write keeps whole sections only: leave out --only and --quick.');
  const start = performance.now();
  await ensurePackages();
  const { build } = await import('./build.mjs');
  await build({ quiet: true });
  const surroundings = await prepare();
  const sections = await measure(surroundings);
  const { writeSections } = await import('../bench/lib/results.mjs');
  console.log(`\n${await writeSections(sections, write)}`);
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
  const { JobClient, readResult, hurtingLayers, pairedBootstrapOf, spearman, ...shared } =
    await loadClient();
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
    paired: pairedBootstrapOf,
    spearman,
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

/** The chosen sections: title, paragraphs and tables, and when and beside what they were measured. */
async function measure(surroundings) {
  const [{ cases }, { sections: known }, { lstmTable, reach }, { conditions }] = await Promise.all([
    import('../bench/cases.mjs'),
    import('../bench/sections.mjs'),
    import('../bench/reach.mjs'),
    import('../bench/lib/results.mjs'),
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
  const whole = wants('reach');
  if (chosen.length > 0 && !whole && flags.includes('--write'))
    throw new Remedy('--write keeps whole sections only: reach, not single models.');
  const sections = [];
  const { misses } = surroundings.tally;
  /** Adds what `body` measures, with its own misses below. */
  const section = async (title, body) => {
    const before = misses.length;
    const parts = await body();
    const missed = misses.slice(before).map((what) => `- missed: ${what}`);
    const said = await conditions(surroundings.peer);
    sections.push({
      title,
      parts: [said, ...parts, ...(missed.length > 0 ? [missed.join('\n')] : [])],
    });
  };
  if (chosen.length > 0) {
    let windows = [];
    await section('What INT8 reaches', async () => {
      const { text, lstm } = await reach(chosen, surroundings);
      windows = lstm;
      return text;
    });
    if (windows.length > 0)
      await section('One window of price-lstm, one thread', async () => [lstmTable(windows)]);
  }
  for (const { title, measure: body } of further) await section(title, () => body(surroundings));
  return sections;
}
