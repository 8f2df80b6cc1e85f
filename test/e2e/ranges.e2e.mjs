import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

test('ranges go to another tool', { timeout: 240_000 }, async (vscode) => {
  await vscode.open('factor-cnn/factor-cnn.onnx');
  await vscode.webview('[data-testid="inspector"]');
  await vscode.command('Vernier: Export Ranges');
  await vscode.quickRow('TensorRT').first().waitFor();
  await vscode.shot('export-ranges');
  await vscode.pick('TensorQuantOverrides');
  await vscode.until(
    async () => (await vscode.quickInput.inputValue()).endsWith('factor-cnn.overrides.json'),
    { timeout: 15_000, what: 'the name of the file' },
  );
  await vscode.page.keyboard.press('Enter');
  const text = await vscode.waitForFile('factor-cnn/factor-cnn.overrides.json', (json) =>
    json.trimEnd().endsWith('}'),
  );
  const ranges = JSON.parse(text);
  assert.equal(ranges.panel[0].quant_type, 'QUInt8');
  assert.ok(ranges.logits[0].scale > 0);
});
