/** The decoders work where people run them: in a bundle, without node_modules, their wasm files beside it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import * as esbuild from 'esbuild';
import { expect, it } from 'vitest';
import { fixture, golden } from './shared';
import { tempFolder } from './temp';

const { dir, put } = tempFolder();
const packages = {
  'wasm/mozjpeg_dec.wasm': '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  'wasm/squoosh_png_bg.wasm': '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
  'wasm/webp_dec.wasm': '@jsquash/webp/codec/dec/webp_dec.wasm',
};

it('decodes from a bundle', async () => {
  // as scripts/build.mjs makes dist/worker.js
  await esbuild.build({
    stdin: {
      contents: `import { decodeImage } from './src/data/images/decode';
        import { readFileSync } from 'node:fs';
        import { createHash } from 'node:crypto';
        (async () => {
          for (const file of process.argv.slice(2)) {
            const { data } = await decodeImage(readFileSync(file), file);
            console.log(createHash('sha256').update(data).digest('hex').slice(0, 16));
          }
        })();`,
      resolveDir: resolve(import.meta.dirname, '../..'),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    outfile: join(dir, 'bundle.js'),
    logLevel: 'error',
  });
  const require = createRequire(import.meta.url);
  for (const [to, from] of Object.entries(packages))
    copyFileSync(require.resolve(from), put(to, ''));
  const names = ['noise.jpg', 'noise.png', 'lossy.webp'];
  const output = execFileSync(process.execPath, ['bundle.js', ...names.map(fixture)], {
    cwd: dir,
    encoding: 'utf8',
  });
  expect(output.trim().split('\n')).toEqual(names.map((name) => golden.decoded[name]!.sha256));
});
