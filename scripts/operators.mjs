// Writes docs/operators.md and docs/fusions.md from the tables in src/quantize/operators and src/analyze/fusions.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as esbuild from 'esbuild';
import * as prettier from 'prettier';
import { at, root } from './lib/paths.mjs';

const PAGES = [
  ['src/quantize/operators/page.ts', 'operatorsPage', 'docs/operators.md'],
  ['src/analyze/fusions/page.ts', 'fusionsPage', 'docs/fusions.md'],
];

for (const [entry, page, to] of PAGES) {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  const module = await import(`data:text/javascript;base64,${code}`);

  const file = at(to);
  const options = { ...(await prettier.resolveConfig(file)), filepath: file };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await prettier.format(module[page](), options));
}
