import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from './lib/test.mjs';

const broken = { 'broken.onnx': 'test/e2e/fixtures/broken.onnx' };

test('a file that is no model says so where it would stand', { files: broken }, async (vscode) => {
  await vscode.open('broken.onnx');
  const view = await vscode.webview('[data-testid="failure"]');
  assert.equal(await view.locator('[data-testid="failure-code"]').innerText(), 'model.not-onnx');
  assert.match(await view.locator('[data-testid="failure-remedy"]').innerText(), /\S/);
  await vscode.shot('not-onnx');
});

test(
  'data that is missing is an error in the view, and the last result stays',
  { timeout: 240_000 },
  async (vscode) => {
    await vscode.open('factor-cnn/factor-cnn.onnx');
    const view = await vscode.webview('[data-testid="inspector"]');
    await view.locator('[data-testid="action-quantize"]').click();
    await view.locator('[data-testid="chip-sqnr"]').waitFor({ timeout: 60_000 });
    await view
      .locator('[data-testid="inspector"][data-busy="false"]')
      .waitFor({ timeout: 120_000 });
    const written = await vscode.read('factor-cnn/factor-cnn.int8.onnx');

    const recipe = await vscode.read('factor-cnn/factor-cnn.quant.yaml');
    await writeFile(
      vscode.path('factor-cnn/factor-cnn.quant.yaml'),
      recipe.replace('data: calibration.npy', 'data: gone.npy'),
    );
    await view.locator('[data-testid="badge-stale"]').waitFor({ timeout: 30_000 });
    await view.locator('[data-testid="action-quantize"]').click();
    await view.locator('[data-testid="failure"]').waitFor({ timeout: 60_000 });
    assert.equal(await view.locator('[data-testid="failure-code"]').innerText(), 'data.not-found');
    await view.locator('[data-testid="chip-sqnr"]').waitFor();
    assert.equal(await vscode.read('factor-cnn/factor-cnn.int8.onnx'), written);
    await vscode.shot('missing-data');
  },
);
