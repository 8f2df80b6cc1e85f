// Pictures of every view, under the policy and with the variables of VS Code.
// node test/webview/screens.mjs [name part …]  → artifacts/webview/NAME.png
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './harness/serve.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(join(root, 'tools/e2e/package.json'));
const { chromium } = require('playwright-core');
const out = join(root, 'artifacts/webview');
mkdirSync(out, { recursive: true });

const worst = 'conv_dw_3';
const at = (view, more = {}) => ({ view, selected: worst, ...more });
/** [name, theme, state, what the page kept, width × height]. */
const shots = [
  ['overview-dark', 'dark', 'done', at('overview')],
  ['overview-none-dark', 'dark', 'done', { view: 'overview' }],
  ['overview-light', 'light', 'kept', at('overview', { selected: 'conv_pw_2' })],
  ['overview-empty', 'dark', 'empty', { view: 'overview' }],
  ['overview-failed', 'dark', 'failed', at('overview')],
  ['overview-random', 'light', 'random', at('overview')],
  ['overview-slower', 'dark', 'slower', at('overview')],
  ['overview-chinese', 'light', 'chinese', at('overview')],
  ['overview-broken', 'dark', 'broken', { view: 'overview' }],
  ['overview-quantized', 'dark', 'quantized', { view: 'overview' }],
  ['overview-quantized-light', 'light', 'quantized', { view: 'overview' }],
  ['overview-quantized-narrow', 'hc-dark', 'quantized', { view: 'overview' }, [640, 900]],
  ['overview-chosen', 'dark', 'chosen', { view: 'overview' }],
  ['overview-planned', 'dark', 'planned', { view: 'overview' }, [1480, 1100]],
  ['overview-planned-light', 'light', 'planned', { view: 'overview' }, [1480, 1100]],
  ['overview-planned-hc', 'hc-dark', 'planned', { view: 'overview' }, [1480, 1100]],
  ['overview-planned-hc-light', 'hc-light', 'planned-missed', { view: 'overview' }, [1480, 1100]],
  ['overview-rounded', 'dark', 'rounded', { view: 'overview' }, [1480, 1100]],
  ['overview-planned-before', 'light', 'planned-before', { view: 'overview' }, [1480, 1100]],
  ['overview-planned-narrow', 'dark', 'planned', { view: 'overview' }, [640, 1100]],
  ['overview-fixed', 'dark', 'fixed', { view: 'overview' }, [1480, 1500]],
  ['overview-fixed-light', 'light', 'fixed', { view: 'overview' }, [1480, 1500]],
  ['overview-fixed-narrow', 'hc-dark', 'fixed', { view: 'overview' }, [640, 1500]],
  ['layers-dark', 'dark', 'done', at('layers')],
  ['layers-light', 'light', 'slower', at('layers')],
  ['layers-1400', 'dark', 'done', at('layers'), [1400, 860]],
  ['layers-measured', 'dark', 'measured', at('layers'), [1800, 860]],
  ['layers-measured-narrow', 'light', 'measured', at('layers'), [1100, 860]],
  ['layers-measured-stopped', 'hc-light', 'measured-stopped', at('layers')],
  ['layers-large', 'dark', 'large', { view: 'layers', selected: 'block100/conv_dw_3' }],
  ['errors-dark', 'dark', 'running', at('errors')],
  ['errors-light', 'light', 'done', at('errors')],
  ['errors-hc-dark', 'hc-dark', 'done', at('errors')],
  ['errors-hc-light', 'hc-light', 'kept', at('errors')],
  ['errors-large', 'dark', 'large', { view: 'errors', selected: 'block100/conv_dw_3' }],
  ['errors-narrow', 'dark', 'done', at('errors'), [820, 900]],
  ['ranges-dark', 'dark', 'done', at('ranges', { logY: true })],
  ['ranges-light', 'light', 'done', at('ranges', { logY: true })],
  ['ranges-weights', 'dark', 'done', at('ranges', { rangesPart: 'weights', logY: true })],
  ['ranges-hc', 'hc-dark', 'done', at('ranges', { logY: true })],
  ['ranges-empty', 'dark', 'empty', at('ranges')],
  ['ranges-uncalibrated', 'light', 'empty', at('ranges', { rangesPart: 'output' })],
  ['fusions-dark', 'dark', 'done', at('fusions')],
  ['fusions-light', 'light', 'empty', at('fusions')],
  ['fusions-hc', 'hc-dark', 'done', at('fusions')],
  ['fusions-1400', 'light', 'done', at('fusions'), [1400, 860]],
  ['fusions-gained', 'dark', 'gained', at('fusions')],
  ['fusions-gained-light', 'hc-light', 'gained', at('fusions'), [1100, 860]],
  ['fusions-narrow', 'hc-light', 'done', at('fusions'), [1100, 860]],
  ['fusions-chinese', 'light', 'chinese', at('fusions')],
  ['overview-narrow', 'dark', 'done', at('overview'), [640, 900]],
];

const wanted = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : undefined,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const harness = await serve();
console.log(`inspector.js ${Math.round(harness.sizes['/inspector.js'] / 1000)} kB`);
let bad = 0;
for (const [name, theme, state, saved, [width, height] = [1480, 860]] of shots) {
  if (wanted.length && !wanted.some((part) => name.includes(part))) continue;
  const page = await browser.newPage({ viewport: { width, height } });
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()));
  await page.goto(harness.url(theme, state, saved));
  await page.locator('[data-testid=inspector]').waitFor();
  if (saved.view === 'ranges' && saved.rangesPart !== 'output')
    await page.locator('[data-testid=plot][data-drawn] svg').first().waitFor();
  await page.evaluate(() => new Promise((done) => requestIdleCallback(done)));
  problems.push(...(await page.evaluate(() => window.harness.violations)));
  await page.screenshot({ path: join(out, `${name}.png`) });
  await page.close();
  console.log(problems.length ? `${name}: ${problems.join('; ')}` : name);
  bad += problems.length;
}
await browser.close();
harness.close();
process.exitCode = bad ? 1 : 0;
