// Assembles src/numeric/statistics.wat into src/numeric/statistics-wasm.ts. Run it after a change of the former.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';
import { at } from './lib/paths.mjs';

const source = at('src/numeric/statistics.wat');
const target = at('src/numeric/statistics-wasm.ts');

/** The module's bytes. */
export async function assemble() {
  const { parseWat } = await wabt();
  const module = parseWat(source, readFileSync(source, 'utf8'), { simd: true });
  try {
    module.resolveNames();
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const base64 = Buffer.from(await assemble()).toString('base64');
  writeFileSync(
    target,
    `/** statistics.wat, assembled by scripts/wasm.mjs; in base64. */\nexport const STATISTICS_WASM =\n  '${base64}';\n`,
  );
}
