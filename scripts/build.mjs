// Builds dist/ from src/ and webview/. `--production` minifies, `--watch` builds again on every change.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { at, root } from './lib/paths.mjs';
import { main, Remedy, seconds } from './lib/run.mjs';

const node = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // import.meta has no meaning in CommonJS; packages that look for files beside themselves get ours.
  define: { 'import.meta.url': 'importMetaUrl' },
};
const importMetaUrl = "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;";
const browser = {
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'text', '.ttf': 'file' },
};

/** What is bundled. The runtime is native and `vscode` is the editor's own: both stay outside. */
export const bundles = [
  {
    ...node,
    entry: 'src/extension/main.ts',
    outfile: 'dist/extension.js',
    external: ['vscode'],
    banner: { js: importMetaUrl },
  },
  {
    ...node,
    entry: 'src/jobs/worker.ts',
    outfile: 'dist/worker.js',
    external: ['onnxruntime-node'],
    banner: { js: importMetaUrl },
  },
  // The thread that the worker hands its statistics to.
  {
    ...node,
    entry: 'src/quantize/statistics-thread.ts',
    outfile: 'dist/statistics-thread.js',
  },
  {
    ...node,
    entry: 'src/cli/main.ts',
    outfile: 'dist/cli.js',
    external: ['onnxruntime-node'],
    banner: { js: `#!/usr/bin/env node\n${importMetaUrl}` },
  },
  {
    ...browser,
    entry: 'webview/inspector/main.tsx',
    outfile: 'dist/webview/inspector.js',
    format: 'iife',
  },
  { ...browser, entry: 'webview/renderer/main.ts', outfile: 'dist/renderer.js', format: 'esm' },
];

/** What is copied as it is: [from a package, to dist/]. Only the decoders of the image codecs. */
const copies = [
  ['plotly.js/plotly-cartesian.min.js', 'webview/plotly.js'],
  ['@vscode/codicons/dist/codicon.css', 'webview/codicon.css'],
  ['@vscode/codicons/dist/codicon.ttf', 'webview/codicon.ttf'],
  ['@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', 'wasm/mozjpeg_dec.wasm'],
  ['@jsquash/png/codec/pkg/squoosh_png_bg.wasm', 'wasm/squoosh_png_bg.wasm'],
  ['@jsquash/webp/codec/dec/webp_dec.wasm', 'wasm/webp_dec.wasm'],
];

/** Writes a file in one step and only when it changes: whoever reads dist/ never sees half a bundle. */
function place(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.tmp`;
  writeFileSync(beside, contents);
  renameSync(beside, path);
}

const placed = {
  name: 'place',
  setup(build) {
    build.onEnd((result) => {
      for (const file of result.outputFiles ?? []) place(file.path, Buffer.from(file.contents));
    });
  },
};

function options({ entry, define, ...rest }, production) {
  const mode = JSON.stringify(production ? 'production' : 'development');
  return {
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: production,
    sourcemap: production ? false : 'linked',
    logLevel: 'warning',
    define: { ...define, 'process.env.NODE_ENV': mode },
    plugins: [placed],
    ...rest,
  };
}

function copyAssets() {
  for (const [from, to] of copies) place(at('dist', to), readFileSync(at('node_modules', from)));
}

/** Builds everything once; throws when a bundle does not build, after the others were built. */
export async function build({ production = false, quiet = false } = {}) {
  const start = performance.now();
  copyAssets();
  const present = bundles.filter(({ entry, outfile }) => {
    const there = existsSync(at(entry));
    if (!there) console.warn(`skipped ${outfile}: there is no ${entry}`);
    return there;
  });
  const results = await Promise.allSettled(
    present.map((bundle) => esbuild.build(options(bundle, production))),
  );
  const failed = present.filter((_, i) => results[i].status === 'rejected');
  if (failed.length) throw new Remedy(`did not build: ${failed.map((b) => b.outfile).join(', ')}`);
  if (!quiet) console.log(`built ${present.length} bundles in ${seconds(start)}`);
}

async function watch() {
  copyAssets();
  for (const bundle of bundles.filter(({ entry }) => existsSync(at(entry)))) {
    const context = await esbuild.context({ ...options(bundle, false), logLevel: 'info' });
    await context.watch();
  }
  console.log(`watching ${relative(process.cwd(), root) || '.'}; Ctrl-C ends it`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const flags = process.argv.slice(2);
  main(() =>
    flags.includes('--watch') ? watch() : build({ production: flags.includes('--production') }),
  );
}
