import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

test('a model opens in the inspector, in every theme', async (vscode) => {
  await vscode.open('factor-cnn/factor-cnn.onnx');
  const inspector = await vscode.webview('[role="tablist"]');
  const tabs = await inspector.locator('[role="tab"]').allInnerTexts();
  for (const name of ['Overview', 'Layers', 'Ranges', 'Errors', 'Fusions']) {
    assert.ok(
      tabs.some((tab) => tab.includes(name)),
      `no tab ${name} in ${tabs}`,
    );
  }
  for (const theme of ['dark', 'light', 'contrast', 'contrast-light']) {
    await vscode.setTheme(theme);
    await vscode.shot(theme, theme === 'dark' ? { media: 'walkthrough/open.png' } : {});
  }
});

test('the commands are in the palette', async (vscode) => {
  await vscode.open('factor-cnn/factor-cnn.onnx');
  await vscode.palette('Vernier: ', 'Vernier: Quantize Model');
  await vscode.shot('palette');
});
