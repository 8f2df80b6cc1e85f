// `npm run editor`: the samples in a real VS Code with the extension loaded. Desktop `code` where it is
// on the PATH, else a server of our own in the browser.
//   --port N   the server's port      --browser   the server even where `code` is there
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer, writeSettings } from './lib/host.mjs';
import { ensureHost, ensurePackages, hostUnsupported } from './lib/install.mjs';
import { at, root } from './lib/paths.mjs';
import { main, Remedy, run, which } from './lib/run.mjs';

const { values: flags } = parseArgs({
  options: { port: { type: 'string' }, browser: { type: 'boolean' } },
});
const workspace = at('samples');

async function desktop(code) {
  console.log('Opening samples/ in VS Code with Vernier loaded …');
  process.exitCode = await run(
    code,
    ['--new-window', `--extensionDevelopmentPath=${root}`, workspace],
    { shell: process.platform === 'win32' },
  );
}

/** Makes the working tree an installed extension of the server: a link, so a build is one reload away. */
function linkExtension(state) {
  const { publisher, name, version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const extensions = join(state, 'exts');
  // the server keeps a list of what it knows, which hides a new link
  rmSync(extensions, { recursive: true, force: true });
  mkdirSync(extensions, { recursive: true });
  symlinkSync(root, join(extensions, `${publisher}.${name}-${version}`), 'dir');
}

async function browser() {
  await ensureHost();
  const state = at('.cache', 'editor');
  const first = !existsSync(join(state, 'User', 'settings.json'));
  mkdirSync(state, { recursive: true });
  if (first) writeSettings(state);
  linkExtension(state);
  const server = await startServer({ state, port: flags.port && Number(flags.port) });
  const url = `${server.url}/?folder=${encodeURIComponent(workspace)}`;
  console.log(`\n${url}\n\nOpen factor-cnn/factor-cnn.onnx. Ctrl-C ends the editor.`);
  const hasDisplay = process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  const opener = which('xdg-open');
  if (hasDisplay && opener) {
    spawn(opener, [url], { stdio: 'ignore', detached: true }).unref();
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => server.stop());
  await server.end;
}

main(async () => {
  await ensurePackages();
  const { build } = await import('./build.mjs');
  await build();
  const code = flags.browser ? undefined : which('code');
  if (code) return desktop(code);
  const problem = hostUnsupported();
  if (problem) throw new Remedy(problem);
  return browser();
});
