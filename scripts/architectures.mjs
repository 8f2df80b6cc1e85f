// `node scripts/architectures.mjs [NAME…] [--to FOLDER]`: writes networks of full size with random weights, the same for
// everyone, into .cache/architectures (git ignores it). Without a name it writes all of them, 3.2 GB.
import { statSync } from 'node:fs';
import { loadArchitectures } from '../bench/lib/source.mjs';
import { at } from './lib/paths.mjs';
import { main, Remedy, seconds } from './lib/run.mjs';

main(async () => {
  const args = process.argv.slice(2);
  const to = args.indexOf('--to');
  const folder = to < 0 ? at('.cache', 'architectures') : args.splice(to, 2)[1];
  if (!folder) throw new Remedy('--to needs a folder.');
  const { ARCHITECTURES, architectureFile } = await loadArchitectures();
  const unknown = args.find((name) => !(name in ARCHITECTURES));
  if (unknown)
    throw new Remedy(`${unknown} is not one of ${Object.keys(ARCHITECTURES).join(', ')}.`);
  for (const name of args.length > 0 ? args : Object.keys(ARCHITECTURES)) {
    const start = performance.now();
    const file = await architectureFile(name, folder);
    console.log(`${file} (${Math.round(statSync(file).size / 1e5) / 10} MB, ${seconds(start)})`);
  }
});
