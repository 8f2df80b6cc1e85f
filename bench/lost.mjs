// How much work a run loses whose worker is killed with SIGKILL, late in every stage: what the next one makes again.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { mobilenet } from './cases.mjs';
import { ms, table } from './lib/table.mjs';

/** Milliseconds of work that may be lost. */
const MOST = 1000;
/** A stage is killed when so much of the time has gone by that it took without. */
const LATE = 0.8;
/**
 * A timing process counts as a whole or not at all: see src/jobs/stages/timings.ts. Progress counts whole layers that are kept; what
 * is stored within one (its bias correction, node by node, and its samples) is not made again, and not seen here.
 */
const WHOLE = {
  latency: 'a timing process',
  'sensitivity, keeping one at a time': 'less than a layer',
};

/** A table: a row for each stage of a run with mobilenet, in the order in which it comes to them. */
export async function lost(bench) {
  const recipe = { ...mobilenet(bench.shared), sensitivity: { samples: 32, budget_s: 300 } };
  const project = (name) => {
    const folder = join(bench.folder, name);
    mkdirSync(folder);
    const recipePath = join(folder, 'net.quant.yaml');
    writeFileSync(recipePath, stringify({ ...recipe, output: join(folder, 'net.int8.onnx') }));
    return recipePath;
  };
  const whole = [...(await passed(bench.client(), project('lost-whole'))).values()];
  const recipePath = project('lost-killed');
  const rows = [];
  for (const [i, { name, from, to }] of whole.entries()) {
    if (name === 'read #1') continue;
    const later = new Set(whole.slice(i + 1).map((stage) => stage.name));
    const after = LATE * (to - from);
    const killed = (await passed(bench.client(), recipePath, { name, after, later })).get(name);
    if (!killed) continue;
    // what the next one begins with says what was kept
    const total = killed.events.at(-1).total;
    const kill = { name, after: 0, later, total };
    const next = (await passed(bench.client(), recipePath, kill)).get(name);
    const again = next?.events.find((event) => event.total === total);
    const reached = again && killed.events.find((e) => e.total === total && e.done >= again.done);
    const work = reached ? killed.to - reached.at : 0;
    const what = `work lost in ${name}`;
    const required = Object.keys(WHOLE).find((kind) => name.startsWith(kind));
    rows.push([
      name.replace(/ #1$/, ''),
      ms(to - from),
      ms(killed.to - killed.from),
      ms(work),
      ...(required
        ? [WHOLE[required], '']
        : [`≤ ${MOST} ms`, bench.tally.check(what, work <= MOST)]),
    ]);
  }
  return table(
    ['mobilenet: killed in', 'It takes', 'Killed after', 'Made again', 'Required', ''],
    rows,
  );
}

/**
 * The stages of a run by name, in order: to its end, or until it is killed `kill.after` milliseconds after the stage `kill.name`
 * began (or began to count to `kill.total`), or where one of `kill.later` begins.
 */
async function passed(client, recipePath, kill = null) {
  const stages = [];
  const start = performance.now();
  let timer = null;
  const end = (stage) => {
    stage.to = performance.now() - start;
    client.kill();
  };
  const onProgress = ({ stage, detail, done, total }) => {
    const at = performance.now() - start;
    const kind = detail === undefined ? stage : `${stage}, ${detail}`;
    let last = stages.at(-1);
    const before = last?.events.findLast((event) => event.total === total);
    // what counts backwards begins anew
    if (last?.kind !== kind || done < (before?.done ?? 0)) {
      if (last) last.to = at;
      const same = stages.filter((s) => s.kind === kind).length;
      last = { kind, name: `${kind} #${same + 1}`, from: at, to: at, events: [] };
      stages.push(last);
      if (kill?.later.has(last.name)) client.kill();
    }
    last.to = at;
    last.events.push({ at, done, total });
    if (last.name === kill?.name && (kill.total ?? total) === total)
      timer ??= setTimeout(end, kill.after, last);
  };
  try {
    await client.request('run', { recipePath }, { onProgress });
  } catch (error) {
    if (error.code !== 'job.cancelled') throw error;
  } finally {
    clearTimeout(timer);
    client.dispose();
  }
  return new Map(stages.map((stage) => [stage.name, stage]));
}
