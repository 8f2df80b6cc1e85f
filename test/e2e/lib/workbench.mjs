// A VS Code workbench as a person uses it: by mouse and keyboard, on what is on the screen.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Notebook } from './notebook.mjs';

const themes = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  contrast: 'Default High Contrast',
  'contrast-light': 'Default High Contrast Light',
};
/** How the picker calls them. */
const themeLabels = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  contrast: 'Dark High Contrast',
  'contrast-light': 'Light High Contrast',
};
const themeClasses = {
  dark: 'vs-dark',
  light: 'vs',
  contrast: 'hc-black',
  'contrast-light': 'hc-light',
};

/** The settings that choose a theme by its short name. */
export const themeSettings = (theme = 'dark') => {
  assert.ok(theme in themes, `no theme ${theme}`);
  return { 'workbench.colorTheme': themes[theme] };
};

export class Workbench {
  /** @param {{ page: import('playwright-core').Page, workspace: string, url: string, artifacts: string, slug: string, heard: object, mediaDir?: string }} parts */
  constructor(parts) {
    Object.assign(this, parts);
    /** The notebook in the active editor. */
    this.notebook = new Notebook(this);
  }

  /** Loads the workbench and waits until the extensions are there and the editors can be opened. */
  async load() {
    await this.page.goto(`${this.url}/?folder=${encodeURIComponent(this.workspace)}`, {
      waitUntil: 'domcontentloaded',
    });
    await this.#ready();
  }

  /** Reloads the window by its command: a plain reload of the page would lose what is not stored yet. */
  async reload() {
    const loaded = this.page.waitForEvent('domcontentloaded');
    await this.command('Developer: Reload Window');
    await loaded;
    await this.#ready();
  }

  async #ready() {
    const { page } = this;
    await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
    // Custom editors, notebooks and commands exist only after this mark …
    await page.waitForFunction(
      () => performance.getEntriesByName('code/didLoadExtensions').length > 0,
      null,
      { timeout: 60_000 },
    );
    // … and the services behind them are made in idle time.
    await page.evaluate(() => new Promise((done) => requestIdleCallback(done)));
  }

  // ── waiting ──

  /**
   * Polls until `probe` gives something truthy, and returns that. Errors inside count as "not yet",
   * unless they are marked `final`.
   */
  async until(probe, { timeout = 30_000, interval = 100, what = 'the condition' } = {}) {
    const end = Date.now() + timeout;
    let last;
    for (;;) {
      try {
        const value = await probe();
        if (value) return value;
        last = value;
      } catch (error) {
        if (error.final) throw error;
        last = error;
      }
      if (Date.now() > end) {
        throw new Error(`${what} did not come in ${timeout} ms (last: ${last?.message ?? last})`);
      }
      await sleep(interval);
    }
  }

  // ── files of the workspace, on disk ──

  path(name) {
    return join(this.workspace, name);
  }

  exists(name) {
    return existsSync(this.path(name));
  }

  read(name) {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Waits for a file on disk, and for `holds(text)` where given; returns the text. */
  waitForFile(name, holds = () => true, { timeout = 60_000 } = {}) {
    return this.until(
      () => {
        const text = this.read(name);
        return holds(text) ? text || ' ' : undefined;
      },
      { timeout, what: `${name} on disk` },
    );
  }

  /** Ids of the processes below this one (the server, its hosts, their workers) whose command line has these words. */
  processes(...words) {
    const parents = new Map();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        parents.set(Number(pid), Number(/\) \S (\d+)/.exec(stat)[1]));
      } catch {
        // it has ended meanwhile
      }
    }
    const below = (pid) => pid === process.pid || (parents.has(pid) && below(parents.get(pid)));
    return [...parents.keys()].filter((pid) => {
      if (!below(pid)) return false;
      const line = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
      return words.every((word) => line.includes(word));
    });
  }

  // ── quick input ──

  get quickInput() {
    return this.page.locator('.quick-input-widget input.input');
  }

  quickRow(text) {
    return this.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
  }

  /**
   * Opens the palette, types and waits for the row with this title. A webview that finishes loading
   * takes the focus, and the palette closes with it: then it is opened again, as a person would.
   */
  async palette(typed, title = typed) {
    const row = this.quickRow(title);
    let tries = 0;
    await this.until(
      async () => {
        if (tries++ > 0) await this.page.keyboard.press('Escape');
        await this.page.keyboard.press('F1');
        await this.quickInput.fill(`>${typed}`, { timeout: 4000 });
        await row.waitFor({ timeout: 4000 });
        return true;
      },
      { timeout: 45_000, what: `"${title}" in the palette` },
    );
    return row;
  }

  /** Runs a command by its title in the palette, e.g. `Vernier: Quantize Model…`. */
  async command(title) {
    await this.until(
      async () => {
        const row = await this.palette(title);
        await row.click({ timeout: 2000 });
        return true;
      },
      { timeout: 60_000, what: `running "${title}"` },
    );
  }

  /** Picks a row of an open quick pick. */
  async pick(text) {
    const row = this.quickRow(text);
    await row.waitFor({ timeout: 15_000 });
    await row.click();
  }

  /** Types into an open input box and confirms. */
  async input(text) {
    await this.quickInput.waitFor({ timeout: 15_000 });
    await this.quickInput.fill(text);
    await this.page.keyboard.press('Enter');
  }

  // ── explorer and editors ──

  explorerRow(name) {
    return this.page
      .locator('.explorer-folders-view .monaco-list-row')
      .filter({ has: this.page.getByText(name, { exact: true }) })
      .first();
  }

  /** Opens a file by double click in the explorer, folder by folder. */
  async open(path) {
    const parts = path.split('/');
    const name = parts.pop();
    for (const folder of parts) {
      const row = this.explorerRow(folder);
      await row.waitFor({ timeout: 15_000 });
      if ((await row.getAttribute('aria-expanded')) !== 'true') await row.click();
    }
    const row = this.explorerRow(name);
    await row.waitFor({ timeout: 15_000 });
    await row.dblclick();
    await this.tab(name).waitFor({ timeout: 30_000 });
  }

  /** The tab of an open editor. */
  tab(title) {
    return this.page.locator('.tabs-container .tab', { hasText: title }).first();
  }

  async showTab(title) {
    await this.tab(title).click();
  }

  async closeTab(title) {
    const tab = this.tab(title);
    await tab.hover();
    await tab.locator('.tab-actions a.action-label').click();
    await tab.waitFor({ state: 'detached' });
  }

  /** The text editor of a file. */
  editor(name) {
    return this.page.locator(`.editor-instance .monaco-editor[data-uri$="${name}"]`).first();
  }

  /** A line of a text editor that contains this text. */
  line(name, text) {
    return this.editor(name)
      .locator('.view-line', { hasText: nbsp(text) })
      .first();
  }

  /** Puts the caret into the line that has this text. */
  async caret(name, text) {
    const line = this.line(name, text);
    await line.waitFor({ timeout: 15_000 });
    await line.click({ position: { x: 12, y: 8 } });
  }

  /** Waits for a squiggle: `error`, `warning`, `info` or `hint`. */
  async squiggle(name, severity = 'warning', { timeout = 30_000 } = {}) {
    const squiggle = this.editor(name).locator(`.squiggly-${severity}`).first();
    await squiggle.waitFor({ state: 'attached', timeout });
    return squiggle;
  }

  /** Puts the caret on the line with `lineText`, waits for the light bulb and opens its menu. */
  async #openLightBulb(name, lineText, row, timeout) {
    const bulb = this.page
      .locator('[class*="codicon-lightbulb"], [class*="codicon-gutter-lightbulb"]')
      .locator('visible=true')
      .first();
    await this.until(
      async () => {
        await this.page.keyboard.press('Escape');
        // The bulb comes when the caret *arrives* on a line: it may stand there already.
        await this.editor(name).locator('.view-line').last().click();
        await this.caret(name, lineText);
        await bulb.waitFor({ timeout: 4000 });
        await bulb.click({ timeout: 2000 });
        await row.waitFor({ timeout: 4000 });
        return true;
      },
      { timeout, what: `the light bulb on "${lineText}"` },
    );
  }

  /** Takes the action whose title contains `action` from the light bulb of the line with `lineText`. */
  async lightBulb(name, lineText, action, { timeout = 45_000 } = {}) {
    const row = this.page.locator('.action-widget .monaco-list-row', { hasText: action }).first();
    await this.#openLightBulb(name, lineText, row, timeout);
    // by keyboard: a click may be caught by the layer behind the menu
    await this.until(
      async () => {
        if (/\bfocused\b/.test((await row.getAttribute('class')) ?? '')) return true;
        await this.page.keyboard.press('ArrowDown');
        return false;
      },
      { timeout: 10_000, what: `"${action}" in the menu` },
    );
    await this.page.keyboard.press('Enter');
    await row.waitFor({ state: 'hidden', timeout: 5000 });
  }

  /** The titles that the light bulb offers on a line; the menu is closed again. */
  async lightBulbTitles(name, lineText, { timeout = 45_000 } = {}) {
    const rows = this.page.locator('.action-widget .monaco-list-row.action');
    await this.#openLightBulb(name, lineText, rows.first(), timeout);
    const titles = await rows.allInnerTexts();
    await this.page.keyboard.press('Escape');
    await rows.first().waitFor({ state: 'hidden', timeout: 5000 });
    return titles.map((title) => title.trim());
  }

  async save() {
    await this.page.keyboard.press('Control+S');
  }

  async undo() {
    await this.page.keyboard.press('Control+Z');
  }

  // ── notifications, dialogs, status bar ──

  notification(text) {
    return this.page.locator('.notification-toast', { hasText: text }).first();
  }

  /** Presses a button of a notification. */
  async answer(text, button, { timeout = 30_000 } = {}) {
    const toast = this.notification(text);
    await toast.waitFor({ timeout });
    await toast.locator('.monaco-button', { hasText: button }).first().click();
  }

  /** Presses a button of a modal dialog. */
  async dialog(button) {
    const box = this.page.locator('.monaco-dialog-box');
    await box.waitFor({ timeout: 15_000 });
    await box.locator('.monaco-button', { hasText: button }).first().click();
  }

  statusBar(text) {
    return this.page.locator('.statusbar-item', { hasText: text }).first();
  }

  // ── webviews ──

  /**
   * The frame of the webview (inspector, notebook output) that shows this selector now.
   * All frames are searched: hidden webviews stay in the page and frame names say nothing.
   */
  async webview(selector, { timeout = 30_000 } = {}) {
    return this.until(
      async () => {
        for (const frame of this.page.frames()) {
          if (frame === this.page.mainFrame()) continue;
          const found = frame.locator(selector).first();
          if ((await found.count()) && (await found.isVisible())) return frame;
        }
        return undefined;
      },
      { timeout, what: `a webview with ${selector}` },
    );
  }

  /** Whether a canvas (by selector, in a frame) has been drawn on: number of distinct colours ≥ `colours`. */
  async drawn(frame, selector, { colours = 3, timeout = 15_000 } = {}) {
    return this.until(
      () =>
        frame
          .locator(selector)
          .first()
          .evaluate((canvas) => {
            const context = canvas.getContext('2d');
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            const seen = new Set();
            for (let i = 0; i < data.length; i += 4) {
              seen.add((data[i] << 24) | (data[i + 1] << 16) | (data[i + 2] << 8) | data[i + 3]);
            }
            return seen.size;
          })
          .then((count) => count >= colours && count),
      { timeout, what: `${colours} colours on ${selector}` },
    );
  }

  // ── looks ──

  /** Changes the colour theme while everything is open, as a person does. */
  async setTheme(theme) {
    const row = this.page.locator('.quick-input-list .monaco-list-row.focused', {
      hasText: themeLabels[theme],
    });
    await this.until(
      async () => {
        await this.command('Preferences: Color Theme');
        await this.quickInput.fill(themeLabels[theme], { timeout: 4000 });
        await row.waitFor({ timeout: 4000 });
        await this.page.keyboard.press('Enter');
        await this.quickInput.waitFor({ state: 'hidden', timeout: 4000 });
        await this.page
          .locator(`.monaco-workbench.${themeClasses[theme]}`)
          .waitFor({ timeout: 5000 });
        return true;
      },
      { timeout: 60_000, what: `the theme ${theme}` },
    );
    await sleep(300); // webviews get their variables a moment later
  }

  /**
   * Saves a screenshot as artifacts/e2e/TEST-NAME.png.
   * With `media: 'screenshot.png'` it also becomes media/screenshot.png when the run has `--media`.
   */
  async shot(name, { media } = {}) {
    mkdirSync(this.artifacts, { recursive: true });
    const file = join(this.artifacts, `${this.slug}-${name}.png`);
    await this.page.screenshot({ path: file });
    if (media && this.mediaDir) {
      const target = join(this.mediaDir, media);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(file, target);
    }
    return file;
  }
}

/** The editor draws spaces as no-break spaces: matches either. */
function nbsp(text) {
  if (text instanceof RegExp) return text;
  const escaped = text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(escaped.replace(/ /g, '[\\u00a0 ]'));
}
