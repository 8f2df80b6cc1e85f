import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Node has it; the types that we compile with (no browser) do not say so. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { compile(bytes: Uint8Array): Promise<object> };
};

/** Where each decoder lies in its package; scripts/build.mjs copies it to `dist/wasm/` under its own name. */
const packages = {
  'mozjpeg_dec.wasm': '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  'squoosh_png_bg.wasm': '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
  'webp_dec.wasm': '@jsquash/webp/codec/dec/webp_dec.wasm',
};

/**
 * A decoder as a compiled module: from `wasm/` beside the bundle that runs, or in development from its
 * package. The packages' own way, `fetch` of a file URL, does not work in Node.
 */
export async function compileWasm(name: keyof typeof packages): Promise<object> {
  const beside = fileURLToPath(new URL(`./wasm/${name}`, import.meta.url));
  const file = existsSync(beside) ? beside : createRequire(import.meta.url).resolve(packages[name]);
  return WebAssembly.compile(await readFile(file));
}
