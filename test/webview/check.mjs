// Uses the page as people do, under VS Code's policy: keys, tabs, sorting, themes, ten thousand layers,
// and the notebook's renderer. node test/webview/check.mjs
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './harness/serve.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(join(root, 'tools/e2e/package.json'));
const { chromium } = require('playwright-core');
const browser = await chromium.launch({
  executablePath: existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : undefined,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const harness = await serve();
const byId = (page, id) => page.locator(`[data-testid="${id}"]`);
const asked = (page, method) =>
  page.evaluate(
    (name) => window.harness.asked.filter((m) => m.method === name).map((m) => m.params),
    method,
  );
const chosen = (page) => byId(page, 'panel-name').textContent();

const checks = {
  async 'one selection, by keyboard'(open) {
    const page = await open('done', { view: 'errors' });
    await byId(page, 'errors-table').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await chosen(page), 'conv_dw_1');
    await page.keyboard.press('f');
    assert.deepEqual(await asked(page, 'keep'), [{ layers: ['conv_dw_1'], keep: true }]);
    await page.keyboard.press('Enter');
    assert.deepEqual(await asked(page, 'action'), [{ action: 'openRecipe', layer: 'conv_dw_1' }]);
    await page.keyboard.press('f');
    assert.equal((await asked(page, 'keep'))[1].keep, false);
    await page.keyboard.press('Escape');
    assert.equal(await byId(page, 'panel-name').count(), 0);
    assert.deepEqual((await asked(page, 'select')).at(-1), { layer: null });
  },
  async 'search takes letters, not commands'(open) {
    const page = await open('done', { view: 'layers', selected: 'conv1' });
    await page.keyboard.press('/');
    await page.keyboard.type('dw_3f');
    await page.keyboard.press('Backspace');
    assert.equal(await byId(page, 'count').textContent(), '1 of 28 layers');
    assert.equal((await asked(page, 'keep')).length, 0);
    assert.equal((await asked(page, 'select')).length, 0);
    await page.keyboard.press('Escape');
    assert.equal(await byId(page, 'count').textContent(), '28 layers');
  },
  async 'a model that was quantized before: its rows scroll by keyboard, its button makes floats'(
    open,
  ) {
    const page = await open('quantized', { view: 'overview' });
    const table = byId(page, 'existing-table');
    assert.equal(await table.getAttribute('aria-rowcount'), '57');
    assert.ok((await byId(page, 'existing-row').count()) < 40);
    const scrolled = () => table.evaluate((element) => element.scrollTop);
    await table.focus();
    await page.keyboard.press('End');
    await page.waitForFunction(
      () => document.querySelector('[data-testid=existing-table]').scrollTop > 400,
    );
    assert.ok((await scrolled()) > 400);
    await page.keyboard.press('ArrowDown');
    assert.equal(await byId(page, 'panel-name').count(), 0);
    await byId(page, 'action-dequantize').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'dequantize' }]);
    await byId(page, 'action-more').click();
    assert.equal(await byId(page, 'menu-dequantize').count(), 1);
  },
  async 'a model in fixed point: a row for every step, what differs and what is too wide'(open) {
    const page = await open('fixed', { view: 'overview' });
    assert.equal(await byId(page, 'fixed-row').count(), 28);
    assert.match(await byId(page, 'fixed-says').textContent(), /2 of 2,809,856 codes/);
    assert.match(await byId(page, 'fixed-row').nth(5).textContent(), /34 \/ 15 > 32/);
    assert.match(await byId(page, 'fixed-row').nth(9).textContent(), /2 of 100,352 differ/);
    assert.match(await byId(page, 'fixed-host').textContent(), /softmax \(Softmax\)/);
  },
  async 'tabs by arrows; what is chosen is chosen everywhere'(open) {
    const page = await open('done', { view: 'overview' });
    await byId(page, 'worst-row').nth(1).click();
    await byId(page, 'tab-overview').focus();
    for (const view of ['layers', 'ranges', 'errors', 'fusions', 'overview']) {
      await page.keyboard.press('ArrowRight');
      await byId(page, `view-${view}`).waitFor();
      const focused = await page.evaluate(() => document.activeElement.id);
      assert.equal(focused, `tab-${view}`);
      assert.equal(
        await page.locator('[aria-selected=true][data-layer=conv_pw_2]').count(),
        view === 'fusions' ? 0 : 1,
      );
    }
  },
  async 'a click on a head sorts, again turns, again restores'(open) {
    const page = await open('done', { view: 'layers' });
    const first = () => page.locator('[aria-rowindex="2"]').getAttribute('data-layer');
    await byId(page, 'sort-accumulated').click();
    assert.equal(await first(), 'conv_pw_13');
    await byId(page, 'sort-accumulated').click();
    assert.equal(await first(), 'conv_dw_1');
    await byId(page, 'sort-accumulated').click();
    assert.equal(await first(), 'conv1');
  },
  async 'the switch in the row asks, and shows what is pending'(open) {
    const page = await open('done', { view: 'layers' });
    const badge = page.locator('[data-testid=switch][data-layer=conv_dw_3]');
    await badge.click();
    assert.equal(await badge.getAttribute('aria-checked'), 'true');
    assert.match(await badge.getAttribute('class'), /pending/);
    assert.equal(await byId(page, 'panel-name').count(), 0, 'the switch does not select');
  },
  async 'columns can be chosen and copied as CSV'(open) {
    const page = await open('done', { view: 'layers' });
    await byId(page, 'columns').click();
    await byId(page, 'column-kernel').click();
    await byId(page, 'sort-kernel').waitFor();
    await page.mouse.click(300, 500);
    await byId(page, 'copy-csv').click();
    const [{ text }] = await asked(page, 'copy');
    assert.match(text.split('\r\n')[0], /^precision,name,.*kernel/);
    assert.equal(text.split('\r\n').length, 30);
  },
  async 'the menu'(open) {
    const page = await open('done', {});
    await byId(page, 'action-more').click();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.deepEqual(await asked(page, 'action'), [{ action: 'compare' }]);
    assert.equal(await page.locator('[role=menu]').count(), 0);
  },
  async 'a job shows its bar and can be cancelled'(open) {
    const page = await open('done', {});
    assert.equal(await byId(page, 'footer').count(), 0);
    await page.evaluate(() =>
      window.harness.push({
        type: 'state',
        state: {
          job: {
            title: 'Calibrate',
            progress: { stage: 'calibrate', done: 83, total: 128, etaSeconds: 9, memory: 212e6 },
          },
        },
      }),
    );
    await byId(page, 'footer').waitFor();
    assert.match(
      await byId(page, 'footer').textContent(),
      /Calibrate.*83\/128 · 9 s left · 212 MB/,
    );
    await byId(page, 'cancel').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'cancel' }]);
    await page.evaluate(() => window.harness.push({ type: 'state', state: { job: null } }));
    await byId(page, 'footer').waitFor({ state: 'detached' });
  },
  async 'themes are taken at once'(open) {
    const page = await open('done', { view: 'errors', selected: 'conv_dw_3' });
    const cell = page.locator('[data-testid=heat-local][data-layer=conv_dw_3]');
    const color = () => cell.evaluate((el) => window.getComputedStyle(el).backgroundColor);
    const before = [await color(), await pixels(page)];
    await page.evaluate(() => document.body.classList.replace('vscode-dark', 'vscode-light'));
    await page.waitForTimeout(50);
    assert.notEqual(await color(), before[0]);
    assert.notEqual(await pixels(page), before[1]);
  },
  async 'plans of mixed precision: asked for, looked at, taken'(open) {
    const page = await open('planned', { view: 'overview' });
    await byId(page, 'action-more').click();
    await byId(page, 'menu-planMixed').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'planMixed' }]);
    const plans = byId(page, 'plan');
    assert.equal(await plans.count(), 6);
    const best = page.locator('[data-testid="plan"][data-recommended="true"]');
    assert.equal(await best.getAttribute('data-layers'), 'conv_dw_3 conv_pw_11 conv_pw_4');
    await best.getByText('conv_pw_11').click();
    assert.equal(await chosen(page), 'conv_pw_11');
    await best.locator('[data-testid="take-plan"]').click();
    const layers = ['conv_dw_3', 'conv_pw_11', 'conv_pw_4'];
    const choices = layers.map((layer) => ({ layer, precision: 'float32' }));
    assert.deepEqual(await asked(page, 'takePlan'), [{ choices }]);
    await best.locator('[data-testid="take-plan"]').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-testid="take-plan"]').count(), 5);
  },
  async 'a float16 model: what it gives where every value is rounded'(open) {
    const page = await open('rounded', { view: 'overview' });
    const text = await byId(page, 'elsewhere-rounded').textContent();
    assert.match(text, /logits61\.4.*features8\.2.*1,024.*16 samples · 100 % same label/);
    assert.match(await byId(page, 'elsewhere-withoutVnni').textContent(), /9\.1.*75.*same label/);
    const broken = page.locator('[data-testid=elsewhere-rounded] td.loud');
    assert.equal(await broken.count(), 1);
  },
  async 'plans of another day: when they were found and what has changed since'(open) {
    const page = await open('planned-before', { view: 'overview' });
    assert.match(await byId(page, 'plans-age').textContent(), /Found/);
    assert.match(
      await byId(page, 'changed-since').textContent(),
      /recipe has changed since\. The model’s file was written since/,
    );
    const fresh = await open('planned', { view: 'overview' });
    assert.equal(await byId(fresh, 'changed-since').count(), 0);
    assert.match(await byId(fresh, 'plans-age').textContent(), /3 min/);
  },
  async 'sensitivity of layers: asked for, shown in the table, the worst first'(open) {
    const page = await open('done', { view: 'layers' });
    await byId(page, 'action-more').click();
    await byId(page, 'menu-measureSensitivity').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'measureSensitivity' }]);
    assert.equal(await byId(page, 'sort-onlyWeights').count(), 0);
    const measured = await open('measured', { view: 'layers' });
    assert.match(
      await byId(measured, 'sensitivity-note').textContent(),
      /Sensitivity by Top-1: analytic 28 of 28 layers.*two passes 28 of 28.*metric 11 of 11 evaluations/,
    );
    for (const column of ['onlyThis', 'onlyWeights', 'onlyInputs', 'metricOnly', 'metricBuys'])
      assert.equal(await byId(measured, `sort-${column}`).count(), 1, column);
    await byId(measured, 'sort-metricOnly').click();
    const first = measured.locator('[data-testid="layer-row"][aria-rowindex="2"]');
    assert.equal(await first.getAttribute('data-layer'), 'conv_dw_3');
    assert.equal(await byId(measured, 'sensitivity-stopped').count(), 0);
  },
  async 'sensitivity that was stopped: says so, is no exact number, and goes on'(open) {
    const page = await open('measured-stopped', { view: 'layers' });
    const note = byId(page, 'sensitivity-note');
    assert.equal(await note.getAttribute('data-stopped'), 'true');
    assert.match(
      await note.textContent(),
      /两遍法 0\/28 层（.*），已停止 · 精确：未开始.*噪声占比：解析/,
    );
    assert.match(await byId(page, 'changed-since').textContent(), /配方已更改/);
    const share = page.locator('[data-testid="heat-share"][data-layer="conv_dw_3"]');
    assert.match(await share.textContent(), /^≈ 44/);
    await byId(page, 'sensitivity-go-on').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'measureSensitivity' }]);
  },
  async 'gains of fusions: asked for, and shown with their intervals'(open) {
    const none = await open('done', { view: 'fusions' });
    await byId(none, 'action-measureFusions').click();
    assert.deepEqual(await asked(none, 'action'), [{ action: 'measureFusions' }]);
    const page = await open('gained', { view: 'fusions' });
    assert.equal(await byId(page, 'fusion-gain').count(), 4);
    const row = page.locator('[data-testid=fusion-gain][data-optimizer=ConvBNFusion]');
    assert.match(await row.textContent(), /27 Conv\+BatchNorm.*139 → 33.*1\.42 1\.40 … 1\.44/);
    const pad = page.locator('[data-testid=fusion-gain][data-optimizer=PadFusion]');
    assert.match(await pad.textContent(), /no difference proven/);
  },
  async 'a search: what was found, why, and all that was tried'(open) {
    const page = await open('searched', { view: 'overview' });
    await byId(page, 'action-more').click();
    await byId(page, 'menu-findBest').click();
    assert.deepEqual(await asked(page, 'action'), [{ action: 'findBest' }]);
    assert.match(await byId(page, 'search-reason').textContent(), /^Static, observer mse is/);
    const block = byId(page, 'search');
    await block.locator('summary').first().click();
    assert.equal(await block.locator('tr[data-state]').count(), 5);
    assert.equal(await block.locator('tr[data-state="chosen"]').count(), 1);
    await block.locator('summary').last().click();
    assert.match(await byId(page, 'search-recipe').textContent(), /observer: mse/);
  },
  async 'ranges draw, follow the selection, and keep what was chosen'(open) {
    const page = await open('done', { view: 'ranges', selected: 'conv_dw_3' });
    const plot = page.locator('[data-testid=plot][data-drawn]');
    await plot.waitFor();
    const bars = await plot.locator('.bars .point').count();
    assert.ok(bars >= 128 + 32, `${bars} bars`);
    await byId(page, 'multiple').nth(2).click();
    await page.locator('[data-drawn*="conv_pw_1_relu"]').waitFor();
    await byId(page, 'log-y').click();
    await page.locator('[data-drawn$="true"]').waitFor();
    await byId(page, 'ranges-weights').click();
    await page.locator('[data-drawn*="conv_pw_1 w"]').waitFor();
    assert.deepEqual(await asked(page, 'weights'), [{ layer: 'conv_pw_1' }]);
  },
  async 'fusions: a part, a pattern, and whole sentences where the view is narrow'(open) {
    const page = await open('done', { view: 'fusions' });
    const rows = byId(page, 'fusion-row');
    await page.setViewportSize({ width: 1400, height: 860 });
    const cut = await page.evaluate(
      () =>
        [...document.querySelectorAll('.fusions .why, .fusions .group p, .fusions .node')].filter(
          (element) => element.scrollWidth > element.clientWidth + 1,
        ).length,
    );
    assert.equal(cut, 0, 'texts that are cut');
    const list = byId(page, 'fusions-list');
    assert.ok(await list.evaluate((element) => element.scrollWidth <= element.clientWidth));
    assert.equal(await byId(page, 'break-row').count(), 3);
    await byId(page, 'fusions-show-blocked').click();
    assert.equal(await rows.count(), 2);
    assert.equal(await byId(page, 'break-row').count(), 0);
    assert.match(
      (await byId(page, 'fusions-says').allTextContents()).join(),
      /eval mode.*or compute the value twice/,
    );
    await byId(page, 'fusions-show-breaks').click();
    assert.match(await byId(page, 'break-row').first().textContent(), /2 conversions, 502 kB/);
    const timed = page.locator('[data-testid=break-row][data-layer=conv_pw_6]');
    assert.match(await timed.textContent(), /251 kB, 0\.0410 ms then 0\.0180 ms in float/);
    await byId(page, 'break-row').first().click();
    assert.equal(await chosen(page), 'conv_dw_5');
    await byId(page, 'fusions-show-done').click();
    const says = await byId(page, 'fusions-says').allTextContents();
    assert.equal(says.length, 1, 'the gain stands once');
    await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await page.locator('[data-testid=fusion-row][data-layer=conv_pw_13]').waitFor();
    const overlap = await page.evaluate(() => {
      const boxes = [...document.querySelectorAll('.fusions .row')].map((row) =>
        row.getBoundingClientRect(),
      );
      return boxes.slice(1).filter((box, i) => box.top < boxes[i].bottom - 0.5).length;
    });
    assert.equal(overlap, 0, 'rows that overlap');
  },
  async 'the table of layers shows its last column whole at 1400 pixels'(open) {
    const page = await open('done', { view: 'layers', selected: 'conv_dw_3' });
    await page.setViewportSize({ width: 1400, height: 860 });
    await byId(page, 'sort-weightSpan').waitFor({ state: 'detached' });
    const table = byId(page, 'layers-table');
    assert.ok(await table.evaluate((element) => element.scrollWidth <= element.clientWidth));
    assert.equal(await byId(page, 'sort-withoutVnni').count(), 1);
  },
  async 'ten thousand layers scroll as forty do'(open) {
    const page = await open('large', { view: 'errors' });
    const rows = await byId(page, 'layer-row').count();
    assert.ok(rows < 60, `${rows} rows exist`);
    const slow = await page.evaluate(async () => {
      const list = document.querySelector('[data-testid=errors-table]');
      const times = [];
      for (let i = 0; i < 60; i++) {
        const start = performance.now();
        list.scrollTop += 997;
        list.dispatchEvent(new window.Event('scroll'));
        await new Promise(window.requestAnimationFrame);
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[54];
    });
    console.log(`    90th percentile of a scroll step: ${slow.toFixed(1)} ms`);
    assert.ok(slow < 250, `${slow} ms`);
    await page.evaluate(() => window.harness.push({ type: 'select', layer: 'block300/conv_dw_3' }));
    await page.locator('.row.on[data-layer="block300/conv_dw_3"]').waitFor();
  },
  async 'the renderer of a notebook draws a figure'() {
    const page = await browser.newPage();
    await page.goto(harness.url('dark', 'done', {}).replace('/?', '/blank?'));
    const drawn = await page.evaluate(async () => {
      const { activate } = await import('/renderer.js');
      const renderer = await activate({});
      const box = document.createElement('div');
      document.body.append(box);
      const figure = {
        data: [
          {
            type: 'heatmap',
            z: [
              [1, 2],
              [3, 4],
            ],
          },
        ],
        layout: { title: { text: 'x' } },
      };
      await renderer.renderOutputItem(
        { id: '1', mime: 'application/vnd.plotly.v1+json', json: () => figure },
        box,
        new AbortController().signal,
      );
      const images = box.querySelectorAll('svg image').length;
      renderer.disposeOutputItem('1');
      return [images, box.querySelectorAll('svg').length];
    });
    assert.deepEqual(drawn, [1, 0]);
    await page.close();
  },
};

/** The profile's picture, to see whether it was drawn again. */
function pixels(page) {
  return page.locator('canvas.profile').evaluate((canvas) => canvas.toDataURL());
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const problems = [];
  const pages = [];
  const open = async (state, saved) => {
    const page = await browser.newPage({ viewport: { width: 1480, height: 860 } });
    pages.push(page);
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(harness.url('dark', state, saved));
    await byId(page, 'inspector').waitFor();
    return page;
  };
  try {
    await check(open);
    for (const page of pages) {
      problems.push(...(await page.evaluate(() => window.harness.violations)));
      problems.push(...(await asked(page, 'report')).map((report) => report.text));
    }
    assert.deepEqual(problems, []);
    console.log(`ok  ${name}`);
  } catch (error) {
    failed++;
    console.error(`NOT ${name}\n    ${error.message}`);
  }
  for (const page of pages) await page.close();
}
await browser.close();
harness.close();
process.exitCode = failed ? 1 : 0;
