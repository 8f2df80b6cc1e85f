// A worker of its own for one request, with what it took of time and memory.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** How often memory is looked at. */
const EVERY_MS = 20;

/**
 * Sends one request to a fresh worker. `rss` is the most that was resident at once (`VmHWM`: kept by the kernel, so no peak is
 * missed), mapped pages of files included; `anon` the most that was not pages of files, as seen every 20 ms. Both in
 * bytes, null where the system does not tell; `cpu` in seconds of all threads; `waited` the seconds in which its first thread was
 * ready and had no core, because the machine was busy with other things: without them a loaded machine looks slow.
 */
export async function measured(worker, method, params, { limitMs = 900_000 } = {}) {
  const child = fork(worker, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr = (stderr + text).slice(-2000)));
  const stages = new Map();
  let stage = 'start';
  let anon = null;
  let rss = null;
  let cpu = null;
  let waited = null;
  const look = () => {
    const now = status(child.pid);
    if (!now) return;
    rss = now.rss;
    anon = Math.max(anon ?? 0, now.anon);
    cpu = now.cpu;
    waited = now.waited;
    const of = stages.get(stage) ?? { rss: 0, anon: 0, seconds: 0 };
    stages.set(stage, { ...of, rss: Math.max(of.rss, now.now), anon: Math.max(of.anon, now.anon) });
  };
  const timer = setInterval(look, EVERY_MS);
  const start = performance.now();
  let since = start;
  const enter = (next) => {
    look();
    const of = stages.get(stage);
    if (of) of.seconds += (performance.now() - since) / 1000;
    since = performance.now();
    stage = next;
  };
  try {
    const value = await new Promise((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`no answer in ${limitMs / 1000} s`)),
        limitMs,
      );
      child.on('message', (message) => {
        if (message.kind === 'progress') {
          if (message.progress.stage !== stage) enter(message.progress.stage);
        } else if (message.kind === 'done') resolve(message.value);
        else if (message.kind === 'failed')
          reject(Object.assign(new Error(message.error.message), { code: message.error.code }));
        if (message.kind === 'done' || message.kind === 'failed') clearTimeout(limit);
      });
      child.on('exit', (code, signal) =>
        reject(new Error(`the worker ended (${signal ?? code}): ${stderr}`)),
      );
      child.send({ id: 1, method, params });
    });
    const seconds = (performance.now() - start) / 1000;
    enter('end');
    return { value, seconds, cpu, waited, rss, anon, stages: Object.fromEntries(stages) };
  } finally {
    clearInterval(timer);
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
}

/** Memory and processor time of a process; null where it is gone or the system has no /proc. */
function status(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const cpu = (Number(stat[11]) + Number(stat[12])) / 100;
    return {
      rss: bytes('VmHWM'),
      now: bytes('VmRSS'),
      anon: bytes('RssAnon'),
      cpu,
      waited: runQueue(pid),
    };
  } catch {
    return null;
  }
}

/** Seconds that a process's first thread stood in the run queue; null where the kernel keeps no count. */
function runQueue(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9;
  } catch {
    return null;
  }
}
