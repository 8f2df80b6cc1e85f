// node choose.mjs WORKER RECIPE: what the chooser says of a recipe, as JSON on standard output.
import { readFileSync } from 'node:fs';
import { loadClient } from './source.mjs';

const [worker, recipePath] = process.argv.slice(2);
const { JobClient } = await loadClient();
const client = new JobClient(worker);
try {
  const text = readFileSync(recipePath, 'utf8');
  console.log(JSON.stringify(await client.request('choose', { recipePath, text })));
} finally {
  client.dispose();
}
