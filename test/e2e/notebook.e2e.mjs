import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';

test('the notebook runs to its end, and its outputs stay', { timeout: 240_000 }, async (vscode) => {
  await vscode.notebook.open('factor-cnn/tour.ipynb');
  await vscode.notebook.runAll();
  const result = await vscode.waitForFile(
    'factor-cnn/.vernier/tour.result.json',
    (text) => {
      const { complete, layers } = JSON.parse(text);
      return complete && layers.some((layer) => layer.wish === 'keep');
    },
    { timeout: 180_000 },
  );
  assert.ok(JSON.parse(result).sqnrDb.logits > 20);
  // Only cells on screen are drawn: the last one holds the heat map.
  await vscode.page.keyboard.press('Control+End');
  await vscode.notebook.output('.vernier-plot .main-svg');
  await vscode.shot('run', { media: 'walkthrough/notebook.png' });
  await vscode.save();
  const saved = JSON.parse(
    await vscode.waitForFile('factor-cnn/tour.ipynb', (text) =>
      JSON.parse(text)
        .cells.filter((cell) => cell.cell_type === 'code')
        .every((cell) => cell.outputs.length > 0),
    ),
  );
  const mimes = new Set(
    saved.cells
      .flatMap((cell) => cell.outputs ?? [])
      .flatMap((output) => Object.keys(output.data ?? {})),
  );
  for (const mime of ['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/html', 'text/plain'])
    assert.ok(mimes.has(mime), `no ${mime} among ${[...mimes]}`);
  await vscode.reload();
  // The notebook comes back where it was left: at its end, where the heat map is.
  await vscode.notebook.output('.vernier-plot .main-svg', { timeout: 60_000 });
  await vscode.shot('reopened');
});
