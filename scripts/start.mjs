// `npm start`: from a fresh clone to a quantized model, its figures and a report, in one command.
import { existsSync } from 'node:fs';
import { ensurePackages } from './lib/install.mjs';
import { at } from './lib/paths.mjs';
import { main, Remedy, run } from './lib/run.mjs';

const sample = 'samples/factor-cnn';
const recipe = `${sample}/factor-cnn.quant.yaml`;
const report = `${sample}/factor-cnn.report.html`;

main(async () => {
  await ensurePackages();
  const { build } = await import('./build.mjs');
  await build({ quiet: true });
  if (!existsSync(at('dist/cli.js'))) throw new Remedy('The command line was not built.');

  console.log(`vernier run ${recipe} --report ${report}\n`);
  const code = await run(process.execPath, ['dist/cli.js', 'run', recipe, '--report', report], {
    stdin: 'inherit',
  });
  if (code !== 0) {
    process.exitCode = code;
    return;
  }
  console.log(`
The report:      ${report}
In the editor:   npm run editor     (VS Code with the samples; open factor-cnn/factor-cnn.onnx)
Another model:   node dist/cli.js quantize MODEL.onnx --data FOLDER -o MODEL.int8.onnx`);
});
