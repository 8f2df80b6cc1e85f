import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

test('two models stand side by side in a page', async (vscode) => {
  await vscode.open('price-lstm/price-lstm.onnx');
  await vscode.webview('[role="tablist"]');
  await vscode.command('Vernier: Compare Models');
  await vscode.pick('price-lstm-128.onnx');
  const page = await vscode.webview('section#summary', { timeout: 90_000 });
  const text = await page.locator('body').innerText();
  for (const part of ['price-lstm.onnx and price-lstm-128.onnx', 'Parameters', 'Nodes that differ'])
    assert.ok(text.includes(part), `${part} in ${text.slice(0, 400)}`);
  await vscode.tab('price-lstm.onnx ↔ price-lstm-128.onnx').waitFor();
  await vscode.shot('compare');
});
