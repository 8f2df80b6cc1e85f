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
/** A timing process counts as a whole or not at all: see src/jobs/stages/timings.ts. */
const WHOLE = { latency: 'a timing process' };

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
  const whole = await passed(bench.client(), project('lost-whole'));
  const recipePath = project('lost-killed');
  const rows = [];
  for (const { name, from, to } of whole.filter((stage) => stage.name !== 'read #1')) {
    const killed = await passed(bench.client(), recipePath, { name, after: LATE * (to - from) });
    const stage = killed.find((s) => s.name === name);
    if (!stage) continue;
    // up to the next stage is enough: what this one begins with says what was kept
    const next = await passed(bench.client(), recipePath, { name, after: 0 });
    const again = next.find((s) => s.name === name);
    const work = again ? madeAgain(stage, again) : 0;
    const what = `work lost in ${name}`;
    const required = Object.keys(WHOLE).find((kind) => name.startsWith(kind));
    rows.push([
      name.replace(/ #1$/, ''),
      ms(to - from),
      ms(work),
      ...(required
        ? [WHOLE[required], '']
        : [`≤ ${MOST} ms`, bench.tally.check(what, work <= MOST)]),
    ]);
  }
  return table(
    ['mobilenet: killed in', 'It takes', 'Work that is made again', 'Required', ''],
    rows,
  );
}

/** From when on what was made is made again: the time between the killed run's reaching where the next begins and its end. */
function madeAgain(stage, again) {
  const [total, begins] = [...again.counts].at(-1);
  const reached = stage.events.find((e) => e.total === total && e.done >= begins.first);
  return stage.to - (reached?.at ?? stage.from);
}

/** The stages of a run: to its end, or until it is killed so many milliseconds after the stage `kill.name` began. */
async function passed(client, recipePath, kill = null) {
  const stages = [];
  const start = performance.now();
  let timer = null;
  const onProgress = ({ stage, detail, done, total }) => {
    const at = performance.now() - start;
    const kind = detail === undefined ? stage : `${stage}, ${detail}`;
    let last = stages.at(-1);
    // what counts backwards begins anew
    if (last?.kind !== kind || done < (last.counts.get(total)?.last ?? 0)) {
      const before = stages.filter((s) => s.kind === kind).length;
      last = { kind, name: `${kind} #${before + 1}`, from: at, to: at };
      Object.assign(last, { counts: new Map(), events: [] });
      stages.push(last);
      if (last.name === kill?.name && !timer)
        timer = setTimeout(() => {
          last.to = performance.now() - start;
          client.kill();
        }, kill.after);
    }
    last.to = at;
    last.events.push({ at, done, total });
    last.counts.set(total, { first: last.counts.get(total)?.first ?? done, last: done });
  };
  try {
    await client.request('run', { recipePath }, { onProgress });
  } catch (error) {
    if (error.code !== 'job.cancelled') throw error;
  } finally {
    clearTimeout(timer);
    client.dispose();
  }
  // a stage lasts until the next one begins
  stages.forEach((stage, i) => (stage.to = stages[i + 1]?.from ?? stage.to));
  return stages;
}
