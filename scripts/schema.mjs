// Writes schemas/quant.schema.json, the JSON Schema of *.quant.yaml, from src/recipe/schema.ts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as esbuild from 'esbuild';
import * as prettier from 'prettier';
import { at, root } from './lib/paths.mjs';

const { outputFiles } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['src/recipe/json-schema.ts'],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'esm',
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { recipeJsonSchema } = await import(`data:text/javascript;base64,${code}`);

const file = at('schemas/quant.schema.json');
const options = { ...(await prettier.resolveConfig(file)), filepath: file };
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, await prettier.format(JSON.stringify(recipeJsonSchema()), options));
