// Assembles the modules of src/numeric, NAME.wat into NAME-wasm.ts. Run it after a change of one.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';
import { at } from './lib/paths.mjs';

/** NAME of each module, and the constant that its bytes are. */
const MODULES = { statistics: 'STATISTICS_WASM', 'block-search': 'BLOCK_SEARCH_WASM' };

/** A module's bytes. */
export async function assemble(name) {
  const source = at(`src/numeric/${name}.wat`);
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [name, constant] of Object.entries(MODULES)) {
    const base64 = Buffer.from(await assemble(name)).toString('base64');
    writeFileSync(
      at(`src/numeric/${name}-wasm.ts`),
      `/** ${name}.wat, assembled by scripts/wasm.mjs; in base64. */\nexport const ${constant} =\n  '${base64}';\n`,
    );
  }
