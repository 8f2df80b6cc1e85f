import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from './lib/test.mjs';

const RECIPE = 'factor-cnn/factor-cnn.quant.yaml';
const HURTS = '/features/block3/project/Conv';

/** Waits until the strip shows an SQNR: before that the same chip says that there is none. */
function measured(vscode, view) {
  return vscode.until(async () => Number.isFinite(await shownDb(view)), {
    timeout: 90_000,
    what: 'a measured SQNR',
  });
}

/** Waits until no job runs on the model that this view shows. */
function idle(vscode, view) {
  return vscode.until(async () => (await view.locator('[data-testid="progress"]').count()) === 0, {
    timeout: 120_000,
    what: 'the job to end',
  });
}

/** The SQNR that the verdict strip shows, in dB. */
async function shownDb(view) {
  const chip = view.locator('[data-testid="chip-sqnr"]');
  const text = (await chip.count()) > 0 ? await chip.innerText() : '';
  return Number(/-?[\d.]+/.exec(text.replace('−', '-'))?.[0]);
}

test(
  'the whole way: calibrate, quantize, heat map, sensitivity, light bulb, plans, report',
  { timeout: 480_000 },
  async (vscode) => {
    await vscode.open('factor-cnn/factor-cnn.onnx');
    const view = await vscode.webview('[data-testid="inspector"]');

    // 1. Calibrate: ranges are drawn.
    await vscode.command('Vernier: Calibrate');
    await vscode.pick('calibration.npy');
    await view.locator('[data-testid="tab-ranges"]').click();
    await view.locator('[data-testid="multiple"]').first().waitFor();
    await idle(vscode, view);
    await view.locator('[data-testid="plot"] .barlayer path').first().waitFor({ timeout: 60_000 });
    await vscode.shot('ranges');

    // 2. Quantize: the verdict strip fills, the heat map is drawn, the guilty layer stands out.
    await view.locator('[data-testid="action-quantize"]').click();
    await measured(vscode, view);
    await view.locator('[data-testid="tab-errors"]').click();
    const row = view.locator(`[data-testid="layer-row"][data-layer="${HURTS}"]`);
    await row.locator('[data-testid="heat-local"]').waitFor({ timeout: 60_000 });
    await idle(vscode, view);
    const before = await shownDb(view);
    assert.ok(before > 5 && before < 15, `output SQNR ${before} dB`);
    await row.click();
    await view.locator('[data-testid="panel-name"]').waitFor();
    assert.equal(await view.locator('[data-testid="panel-name"]').innerText(), HURTS);
    for (const theme of ['light', 'contrast', 'dark']) {
      await vscode.setTheme(theme);
      await vscode.shot(`errors-${theme}`, theme === 'dark' ? { media: 'screenshot.png' } : {});
      if (theme === 'dark') await vscode.shot('look', { media: 'walkthrough/look.png' });
    }
    for (const name of ['overview', 'layers', 'fusions']) {
      await view.locator(`[data-testid="tab-${name}"]`).click();
      await vscode.shot(name);
    }

    // 3. How sensitive every layer is, by a measure of one's own: the table fills, the worst first.
    await vscode.command('Vernier: Measure Sensitivity of Layers');
    await vscode.quickRow('Two passes').waitFor();
    await vscode.page.waitForTimeout(300); // the list fades in
    await vscode.shot('sensitivity-stages');
    await vscode.pick('By running the model');
    await vscode.quickRow('KL divergence').waitFor();
    await vscode.page.waitForTimeout(300); // the list fades in
    await vscode.shot('sensitivity-measures');
    await vscode.pick('KL divergence');
    const note = view.locator('[data-testid="sensitivity-note"]');
    await note.waitFor({ timeout: 150_000 });
    await idle(vscode, view);
    assert.match(
      await note.innerText(),
      /by KL divergence: analytic \d+ of.*exact \d+ of \d+ layers/,
    );
    assert.equal(await note.getAttribute('data-stopped'), 'false');
    await view.locator('[data-testid="sort-kl"][aria-sort="descending"]').waitFor();
    const first = view.locator('[data-testid="layer-row"][aria-rowindex="2"]');
    assert.equal(await first.getAttribute('data-layer'), HURTS);
    assert.match(await first.locator('.c-kl').innerText(), /^[\d.]+$/);
    await vscode.shot('sensitivity');

    // 4. Light bulb: the recipe says which layer hurts, and keeps it.
    await vscode.command('Vernier: Open Recipe');
    await vscode.squiggle(RECIPE, 'warning');
    await vscode.lightBulb(RECIPE, 'keep_fp32', `Keep \`${HURTS}\` in FP32`);
    await vscode.waitForFile(RECIPE, (text) => text.includes(HURTS));
    await vscode.shot('light-bulb', { media: 'walkthrough/keep.png' });
    const recipe = await vscode.read(RECIPE);
    assert.match(recipe, /# one layer hurts/, 'the comment is kept');

    // 5. The numbers change.
    await vscode.showTab('factor-cnn.onnx');
    const again = await vscode.webview('[data-testid="inspector"]');
    await vscode.until(async () => (await shownDb(again)) > before + 8, {
      timeout: 60_000,
      what: 'the new SQNR',
    });
    await idle(vscode, again);
    await again.locator('[data-testid="tab-errors"]').click();
    await vscode.shot('kept');
    await vscode.setTheme('light');
    await again.locator('[data-testid="tab-overview"]').click();
    await vscode.shot('kept-overview-light');

    // 6. Plans are kept: a window that is loaded again shows them, and what was measured before.
    await vscode.command('Vernier: Plan Mixed Precision');
    await again.locator('[data-testid="plans"]').waitFor({ timeout: 180_000 });
    await idle(vscode, again);
    const reason = await again.locator('[data-testid="plans-reason"]').innerText();
    await vscode.shot('plans');
    await vscode.reload();
    const back = await vscode.webview('[data-testid="inspector"]', { timeout: 60_000 });
    await back.locator('[data-testid="plans"]').waitFor({ timeout: 60_000 });
    assert.equal(await back.locator('[data-testid="plans-reason"]').innerText(), reason);
    assert.match(await back.locator('[data-testid="plans-age"]').innerText(), /Found/);
    await vscode.shot('plans-reloaded');
    await back.locator('[data-testid="tab-layers"]').click();
    const kept = back.locator('[data-testid="sensitivity-note"]');
    await kept.waitFor();
    await kept.locator('[data-testid="changed-since"]').waitFor(); // a layer is kept since
    await vscode.shot('sensitivity-reloaded');

    // 7. What takes long can be cancelled: the timing ends with all its processes, and that is said.
    await vscode.command('Vernier: Measure Gain of Fusions');
    const timing = await vscode.until(
      () => {
        const found = vscode.processes('worker.js', '--latency');
        return found.length > 0 && found;
      },
      { timeout: 60_000, what: 'the process that times' },
    );
    await back.locator('[data-testid="cancel"]').click();
    await vscode.statusBar('Cancelled: Measure fusions').waitFor({ timeout: 15_000 });
    await vscode.shot('gain-cancelled');
    await back.locator('[data-testid="inspector"][data-busy="false"]').waitFor();
    await vscode.until(() => timing.every((pid) => !existsSync(`/proc/${pid}`)), {
      what: 'the end of the process that times',
    });
    assert.equal(await back.locator('[data-testid="fusion-gains"]').count(), 0);
    assert.ok(!vscode.exists('factor-cnn/.vernier/factor-cnn.gains.json'));

    // 8. The report exists, and has what was measured besides.
    await vscode.command('Vernier: Export Report');
    await vscode.until(
      async () => (await vscode.quickInput.inputValue()).endsWith('factor-cnn.report.html'),
      { timeout: 15_000, what: 'the name of the report' },
    );
    await vscode.page.keyboard.press('Enter');
    const report = await vscode.waitForFile('factor-cnn/factor-cnn.report.html', (text) =>
      text.includes('</html>'),
    );
    assert.ok(report.includes(HURTS));
    for (const part of ['plans', 'sensitivity'])
      assert.ok(report.includes(`<section id="${part}">`), part);
  },
);

test(
  'a model from elsewhere: resnet8 on pictures, a layer kept by its switch',
  {
    workspace: '',
    files: {
      'resnet8_cifar10.onnx': '../shared/data/models/resnet8_cifar10.onnx',
      'resnet8_cifar10.quant.yaml': 'test/e2e/fixtures/resnet8_cifar10.quant.yaml',
      images: '../shared/data/data/cifar10_test_1000',
    },
    needs: ['../shared/data/models/resnet8_cifar10.onnx'],
    timeout: 240_000,
  },
  async (vscode) => {
    await vscode.open('resnet8_cifar10.onnx');
    const view = await vscode.webview('[data-testid="inspector"]');
    await view.locator('[data-testid="action-quantize"]').click();
    await measured(vscode, view);
    await idle(vscode, view);
    const db = await shownDb(view);
    assert.ok(db > 24, `output SQNR ${db} dB`);
    await view.locator('[data-testid="tab-errors"]').click();
    const row = view.locator('[data-testid="layer-row"][data-layer="conv2d_3"]');
    await row.locator('[data-testid="heat-accumulated"]').waitFor();
    await vscode.shot('errors');

    // The switch in the table keeps a layer, and every view follows.
    await row.locator('[data-testid="switch"]').click();
    const recipe = await vscode.waitForFile('resnet8_cifar10.quant.yaml', (text) =>
      text.includes('conv2d_3'),
    );
    assert.match(recipe, /keep_fp32/);
    await row.click();
    await vscode.until(
      async () => /FP32/.test(await view.locator('[data-testid="panel-executed"]').innerText()),
      { timeout: 60_000, what: 'the layer to run in FP32' },
    );
    await vscode.shot('kept');
  },
);
