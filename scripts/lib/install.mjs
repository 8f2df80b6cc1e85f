// Installs what is missing, and nothing that is there.
import { existsSync, readFileSync } from 'node:fs';
import { at, hostDir } from './paths.mjs';
import { must, npm, Remedy, which } from './run.mjs';

/**
 * Whether the packages in a folder's node_modules are those of its lock file.
 * Compares names and versions, not times or hashes, so that an install made by hand counts too.
 */
export function isInstalled(folder, { dev = true } = {}) {
  const installed = `${folder}/node_modules/.package-lock.json`;
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(`${folder}/package-lock.json`, 'utf8')).packages;
  return Object.entries(want).every(
    ([path, { version, optional, peer, dev: isDev, devOptional }]) =>
      path === '' ||
      (optional ?? devOptional ?? peer) ||
      (isDev && !dev) ||
      have[path]?.version === version,
  );
}

/** The project's own packages, by `npm ci` where they are missing or other than the lock file says. */
export async function ensurePackages() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new Remedy(`Node 20 or newer is needed; this is ${process.version}.`);
  if (isInstalled(at())) return;
  console.log('Installing packages (npm ci) …');
  // The runtime's CPU binaries come with its package; what its install script would fetch is CUDA.
  await npm(['ci', '--no-audit', '--no-fund'], {
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    otherwise: 'Is the npm registry reachable?',
  });
}

const browsers = {
  linux: () => which('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'),
  darwin: () =>
    [
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    ].find((file) => existsSync(file)),
};

/** The path of a Chromium; on Debian and Ubuntu it is installed where it is missing. */
export async function ensureChromium() {
  const chosen = process.env.VERNIER_CHROMIUM;
  if (chosen) {
    if (!existsSync(chosen)) throw new Remedy(`VERNIER_CHROMIUM names ${chosen}: no such file.`);
    return chosen;
  }
  const find = browsers[process.platform] ?? (() => undefined);
  const found = find();
  if (found) return found;
  const byHand = 'Install Chromium or Chrome, or set VERNIER_CHROMIUM to one.';
  if (process.platform !== 'linux' || !which('apt-get')) {
    throw new Remedy(`The end-to-end tests drive a Chromium, and none was found. ${byHand}`);
  }
  const isRoot = process.getuid() === 0;
  if (!isRoot && !which('sudo')) {
    throw new Remedy(
      'The end-to-end tests need Chromium. As root: apt-get install -y --no-install-recommends chromium',
    );
  }
  console.log('Installing Chromium (apt-get) …');
  const apt = (...args) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    // -n: never ask for a password, say so instead
    const [command, before] = isRoot ? ['apt-get', []] : ['sudo', ['-n', '-E', 'apt-get']];
    return must(command, [...before, '-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
      env,
      otherwise: byHand,
    });
  };
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', 'chromium');
  const installed = find();
  if (!installed)
    throw new Remedy(`Chromium was installed and still is not on the PATH. ${byHand}`);
  return installed;
}

/** Why the editor's server cannot run on this machine, or undefined where it can. */
export function hostUnsupported() {
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  return (
    `The editor's server comes as packages for Linux x64; this is ${process.platform} ${process.arch}. ` +
    'Install VS Code and its `code` command (Command Palette: "Shell Command: Install \'code\' command in PATH") ' +
    'for `npm run editor`; run the end-to-end tests on Linux x64 (a container will do).'
  );
}

/** code-server, the Node it needs, and the browser's driver, in tools/e2e. */
export async function ensureHost() {
  const problem = hostUnsupported();
  if (problem) throw new Remedy(problem);
  await must(process.execPath, ['install.mjs'], { cwd: hostDir });
}
