// `npm test`: installs what is missing, then types, lint, unit, integration, build, e2e; stops at the
// first that fails. The last line is `N passed, M failed[, K skipped]`.
//   --no-e2e   without the end-to-end tests
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureChromium, ensureHost, ensurePackages, hostUnsupported } from './lib/install.mjs';
import { artifacts, at } from './lib/paths.mjs';
import { main, run, seconds } from './lib/run.mjs';

const withE2e = !process.argv.includes('--no-e2e');
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs one of our programs with this Node, without a shell, on every platform. */
const program = (file, ...args) => run(process.execPath, [at(file), ...args]);
const script = (name, ...args) => program(`scripts/${name}.mjs`, ...args);

/** Adds the counts of a result file, where the stage came far enough to write one. */
function count(file, read) {
  if (!existsSync(file)) return;
  const counts = read(JSON.parse(readFileSync(file, 'utf8')));
  for (const key of Object.keys(total)) total[key] += counts[key] ?? 0;
}

async function vitest(project) {
  const file = join(artifacts, `${project}.json`);
  rmSync(file, { force: true });
  const code = await program(
    'node_modules/vitest/vitest.mjs',
    ...['run', '--project', project, '--reporter=default', '--reporter=json'],
    `--outputFile.json=${file}`,
  );
  count(file, (results) => ({
    passed: results.numPassedTests,
    failed: results.numFailedTests,
    skipped: results.numPendingTests + results.numTodoTests,
  }));
  return code;
}

const stages = {
  types: async () =>
    (await program('node_modules/typescript/bin/tsc', '--noEmit', '-p', '.')) ||
    program('node_modules/typescript/bin/tsc', '--noEmit', '-p', 'webview'),
  lint: async () =>
    (await program('node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0')) ||
    program('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  unit: () => vitest('unit'),
  integration: () => vitest('integration'),
  build: () => script('build'),
  ...(withE2e && {
    e2e: async () => {
      const file = join(artifacts, 'e2e', 'results.json');
      rmSync(file, { force: true });
      const code = await script('e2e', '--no-build');
      count(file, (results) => results);
      return code;
    },
  }),
};

async function all() {
  const start = performance.now();
  console.log('── install ──');
  await ensurePackages();
  if (withE2e && !hostUnsupported()) {
    await ensureChromium();
    await ensureHost();
  }
  console.log(`install: ${seconds(start)}`);
  mkdirSync(artifacts, { recursive: true });
  for (const [name, stage] of Object.entries(stages)) {
    console.log(`\n── ${name} ──`);
    const began = performance.now();
    const before = total.failed;
    const code = await stage();
    console.log(`${name}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds(began)}`);
    if (code !== 0) {
      if (total.failed === before) total.failed++;
      process.exitCode = 1;
      break;
    }
  }
  console.log(`\nall: ${seconds(start)}`);
}

main(all, () => {
  // an install that failed is a failure too
  if (process.exitCode && total.failed === 0) total.failed = 1;
  const { passed, failed, skipped } = total;
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
});
