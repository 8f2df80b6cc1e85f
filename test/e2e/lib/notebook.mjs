// The notebook in the active editor.

export class Notebook {
  #vscode;

  constructor(vscode) {
    this.#vscode = vscode;
  }

  get cells() {
    return this.#vscode.page.locator('.notebookOverlay .code-cell-row');
  }

  /** Opens a notebook of the workspace and waits for its cells. */
  async open(path) {
    await this.#vscode.open(path);
    await this.cells.first().waitFor({ timeout: 30_000 });
  }

  /** Runs the code cell with this index (from 0) by its button. */
  async run(index) {
    const cell = this.cells.nth(index);
    await cell.scrollIntoViewIfNeeded();
    await cell.hover();
    await cell.locator('.run-button-container a.action-label').first().click();
    await this.#chooseKernel();
  }

  /** Runs all cells by the button in the notebook's toolbar. */
  async runAll() {
    const bar = this.#vscode.page.locator('.notebook-toolbar-container');
    await bar.getByRole('button', { name: 'Run All' }).first().click();
    await this.#chooseKernel();
  }

  /** Interrupts by the same button, which reads so while cells run. */
  async interrupt() {
    const bar = this.#vscode.page.locator('.notebook-toolbar-container');
    await bar.getByRole('button', { name: 'Interrupt' }).first().click();
  }

  /** VS Code asks for a kernel where the notebook has not been used yet. */
  async #chooseKernel() {
    const row = this.#vscode.quickRow('Vernier');
    const asked = await row.waitFor({ timeout: 1500 }).then(
      () => true,
      () => false,
    );
    if (asked) await row.click();
  }

  /** Waits until so many cells have run to a good end, and none to a bad one. */
  async done(count, { timeout = 120_000 } = {}) {
    const { page } = this.#vscode;
    const good = page.locator('.notebookOverlay .cell-status-item .codicon-notebook-state-success');
    const bad = page.locator('.notebookOverlay .cell-status-item .codicon-notebook-state-error');
    await this.#vscode.until(
      async () => {
        if (await bad.count()) throw Object.assign(new Error('a cell failed'), { final: true });
        return (await good.count()) >= count;
      },
      { timeout, what: `${count} cells done` },
    );
  }

  /** The frame of the outputs, once it shows this selector. */
  output(selector, options) {
    return this.#vscode.webview(selector, options);
  }
}
