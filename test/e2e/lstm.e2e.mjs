import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

test(
  'a price model: dynamic INT8 of an LSTM, and an honest word about its speed',
  { timeout: 240_000 },
  async (vscode) => {
    await vscode.open('price-lstm/price-lstm.onnx');
    const view = await vscode.webview('[data-testid="inspector"]');
    await view.locator('[data-testid="action-quantize"]').click();
    await view.locator('[data-testid="chip-sqnr"]').waitFor({ timeout: 60_000 });
    await view
      .locator('[data-testid="inspector"][data-busy="false"]')
      .waitFor({ timeout: 120_000 });
    const result = JSON.parse(await vscode.read('price-lstm/.vernier/price-lstm.result.json'));
    const lstm = result.layers.find((layer) => layer.op === 'LSTM');
    assert.equal(lstm.kernel, 'DynamicQuantizeLSTM');
    assert.equal(lstm.executed, 'int8');
    // What is shown is what was measured, whichever way it went.
    const verdict = await view.locator('[data-testid="verdict"]').innerText();
    assert.equal(/not faster here/.test(verdict), result.latency.verdict === 'not faster here');
    await vscode.shot('overview');
    await view.locator('[data-testid="tab-layers"]').click();
    await vscode.shot('layers');
  },
);
