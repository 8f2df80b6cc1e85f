// Packs one VSIX a platform, each with that platform's runtime only, into out/.
//   node scripts/package.mjs [--target linux-x64 …]   (default: this platform; --all: every one)
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './lib/install.mjs';
import { at } from './lib/paths.mjs';
import { main, must, Remedy } from './lib/run.mjs';

/** VS Code's name of a platform → the folder of the runtime's libraries. */
const platforms = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'darwin-arm64': 'darwin/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
};

const { values: flags } = parseArgs({
  options: { target: { type: 'string', multiple: true }, all: { type: 'boolean' } },
});

async function pack(target, folder) {
  const libraries = platforms[target];
  if (!libraries) {
    throw new Remedy(`No platform ${target}: ${Object.keys(platforms).join(', ')} are there.`);
  }
  const natives = `node_modules/onnxruntime-node/bin/napi-v6/${libraries}`;
  if (!existsSync(at(natives))) throw new Remedy(`The runtime has no libraries in ${natives}.`);
  const { name, version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const ignore = join(folder, target);
  writeFileSync(ignore, `${readFileSync(at('.vscodeignore'), 'utf8')}!${natives}/**\n`);
  await must(process.execPath, [
    at('node_modules/@vscode/vsce/vsce'),
    ...['package', '--target', target, '--ignoreFile', ignore],
    ...[
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
      '-o',
      at('out', `${name}-${version}-${target}.vsix`),
    ],
  ]);
}

main(async () => {
  await ensurePackages();
  const { build } = await import('./build.mjs');
  await build({ production: true });
  mkdirSync(at('out'), { recursive: true });
  const here = `${process.platform}-${process.arch}`;
  const targets = flags.all ? Object.keys(platforms) : (flags.target ?? [here]);
  const folder = mkdtempSync(join(tmpdir(), 'vernier-package-'));
  try {
    for (const target of targets) await pack(target, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
