// Writes docs/operators.md from the table of operators in src/quantize/operators.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as esbuild from 'esbuild';
import * as prettier from 'prettier';
import { at, root } from './lib/paths.mjs';

const { outputFiles } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['src/quantize/operators/page.ts'],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'esm',
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { operatorsPage } = await import(`data:text/javascript;base64,${code}`);

const file = at('docs/operators.md');
const options = { ...(await prettier.resolveConfig(file)), filepath: file };
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, await prettier.format(operatorsPage(), options));
