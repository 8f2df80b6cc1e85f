// The end-to-end tests: a real VS Code server, a real Chromium, every test/e2e/**/*.e2e.mjs.
//   node scripts/e2e.mjs [--grep TEXT] [--media] [--keep] [--no-build] [--vsix FILE]
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureChromium, ensureHost, ensurePackages, hostUnsupported } from './lib/install.mjs';
import { installVsix, startServer, writeSettings } from './lib/host.mjs';
import { artifacts, at, hostDir, root } from './lib/paths.mjs';
import { main, Remedy } from './lib/run.mjs';

const { values: flags } = parseArgs({
  options: {
    grep: { type: 'string' },
    media: { type: 'boolean' },
    keep: { type: 'boolean' },
    'no-build': { type: 'boolean' },
    vsix: { type: 'string' },
  },
});
const out = join(artifacts, 'e2e');

function summarize(results) {
  const count = (status) => results.filter((result) => result.status === status).length;
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(count);
  mkdirSync(out, { recursive: true });
  writeFileSync(
    join(out, 'results.json'),
    JSON.stringify({ passed, failed, skipped, tests: results }, null, 2),
  );
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
  if (failed) process.exitCode = 1;
}

async function loadTests() {
  const { registered, setCurrentFile } = await import(
    pathToFileURL(at('test/e2e/lib/test.mjs')).href
  );
  const files = readdirSync(at('test/e2e'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.e2e.mjs'))
    .sort();
  for (const file of files) {
    setCurrentFile(file);
    await import(pathToFileURL(at('test/e2e', file)).href);
  }
  return registered.filter(
    ({ name, file }) => !flags.grep || `${file} ${name}`.includes(flags.grep),
  );
}

/** Rejects after a time; the test's page is closed then, which ends what it waits for. */
async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function copyWorkspace(test, target) {
  mkdirSync(target, { recursive: true });
  const from = test.workspace ?? 'samples';
  if (from) {
    cpSync(at(from), target, {
      recursive: true,
      filter: (path) => !['.vernier', 'node_modules', '.git'].includes(basename(path)),
    });
  }
  for (const [to, source] of Object.entries(test.files ?? {})) {
    cpSync(at(source), join(target, to), { recursive: true });
  }
}

async function runTest(test, index, { server, state, browser, lib }) {
  const start = performance.now();
  const slug = `${String(index + 1).padStart(2, '0')}-${test.name.replace(/[^\w]+/g, '-').slice(0, 50)}`;
  const result = { file: test.file, name: test.name, status: 'passed', seconds: 0 };
  const missing = (test.needs ?? []).filter((path) => !existsSync(at(path)));
  if (missing.length) {
    return { ...result, status: 'skipped', reason: `there is no ${missing.join(', ')}` };
  }
  const workspace = join(state, 'workspaces', slug);
  copyWorkspace(test, workspace);
  writeSettings(state, { ...test.settings, ...lib.themeSettings(test.theme) });

  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  const heard = await lib.listen(page);
  const extensions = flags.vsix ? [] : [at(test.extension ?? '.').replace(/\/$/, '')];
  await lib.configure(page, { url: server.url, extensions });
  const vscode = new lib.Workbench({
    page,
    workspace,
    url: server.url,
    artifacts: out,
    slug,
    heard,
    mediaDir: flags.media ? at('media') : undefined,
  });
  try {
    await within(
      test.timeout ?? 120_000,
      (async () => {
        await vscode.load();
        await test.body(vscode);
      })(),
    );
    const allowed = test.allowErrors ?? [];
    const errors = heard.hostErrors.filter((text) => !allowed.some((re) => re.test(text)));
    if (heard.cspViolations.length) {
      throw new Error(`content security policy: ${heard.cspViolations.join('\n')}`);
    }
    if (errors.length) throw new Error(`errors of the extension host:\n${errors.join('\n')}`);
  } catch (error) {
    result.status = 'failed';
    result.error = error.stack ?? String(error);
    await vscode.shot('failed').catch(() => undefined);
  }
  writeFileSync(join(out, `${slug}.console.txt`), heard.all.join('\n'));
  await context.close();
  return { ...result, seconds: Number(((performance.now() - start) / 1000).toFixed(1)) };
}

/** Starts the server and the browser, runs the tests one after the other, and ends both. */
async function runAll(tests, { state, chromiumPath, results }) {
  const { chromium } = createRequire(join(hostDir, 'package.json'))('playwright-core');
  const lib = {
    ...(await import(pathToFileURL(at('test/e2e/lib/workbench.mjs')).href)),
    ...(await import(pathToFileURL(at('test/e2e/lib/page.mjs')).href)),
  };
  if (flags.vsix) await installVsix(state, resolve(flags.vsix));
  writeSettings(state);
  const server = await startServer({ state });
  try {
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      headless: true,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    try {
      for (const [index, test] of tests.entries()) {
        const result = await runTest(test, index, { server, state, browser, lib });
        results.push(result);
        const mark = { passed: '✓', failed: '✗', skipped: '–' }[result.status];
        console.log(`${mark} ${result.name} (${result.reason ?? `${result.seconds} s`})`);
        if (result.error) console.log(result.error.slice(0, 4000).replace(/^/gm, '    '));
      }
    } finally {
      await browser.close();
    }
  } finally {
    await server.stop();
  }
}

main(async () => {
  await ensurePackages();
  const unsupported = hostUnsupported();
  const tests = await loadTests();
  if (tests.length === 0) throw new Remedy('No end-to-end test was found.');
  if (unsupported) {
    console.log(unsupported);
    if (process.env.CI) throw new Remedy('The end-to-end tests were not run.');
    summarize(tests.map(({ file, name }) => ({ file, name, status: 'skipped' })));
    return;
  }
  const chromiumPath = await ensureChromium();
  await ensureHost();
  if (!flags['no-build']) await (await import('./build.mjs')).build({ quiet: true });

  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const state = mkdtempSync(join(tmpdir(), 'vernier-e2e-'));
  const results = [];
  try {
    await runAll(tests, { state, chromiumPath, results });
  } finally {
    if (flags.keep) console.log(`kept: ${state}`);
    else rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
  console.log(`screenshots: ${relative(root, out)}`);
  summarize(results);
});
