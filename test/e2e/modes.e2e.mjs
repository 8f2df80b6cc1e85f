import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

const RECIPE = 'factor-cnn/factor-cnn.quant.yaml';

/** Quantizes by the strip's button and waits for a result in this mode. */
async function quantize(vscode, view, mode) {
  await view.locator('[data-testid="action-quantize"]').click();
  const text = await vscode.waitForFile(
    'factor-cnn/.vernier/factor-cnn.result.json',
    (json) => JSON.parse(json).mode === mode && JSON.parse(json).complete,
    { timeout: 150_000 },
  );
  await view.locator('[data-testid="inspector"][data-busy="false"]').waitFor({ timeout: 60_000 });
  return JSON.parse(text);
}

test('mode and target are chosen from the strip', { timeout: 300_000 }, async (vscode) => {
  await vscode.open('factor-cnn/factor-cnn.onnx');
  const view = await vscode.webview('[data-testid="inspector"]');

  // 1. The strip says how it is quantized; the choice goes into the recipe, comments stay.
  await view.locator('[data-testid="mode"]').click();
  await vscode.quickRow('weight-only').waitFor();
  await vscode.shot('choose-mode');
  await vscode.pick('weight-only');
  const recipe = await vscode.waitForFile(RECIPE, (text) => /mode: weight-only/.test(text));
  assert.match(recipe, /# one layer hurts/);
  await view.locator('[data-testid="badge-stale"], [data-testid="mode"]').first().waitFor();

  // 2. What runs is what was chosen.
  const weightOnly = await quantize(vscode, view, 'weight-only');
  assert.ok(weightOnly.layers.some((layer) => layer.reason !== null));
  await view.locator('[data-testid="tab-layers"]').click();
  await vscode.shot('weight-only');

  // 3. The target, the same way.
  await view.locator('[data-testid="target"]').click();
  await vscode.pick('nvidia-fp16');
  await vscode.waitForFile(RECIPE, (text) => /target: nvidia-fp16/.test(text));
  await vscode.shot('target');
});
