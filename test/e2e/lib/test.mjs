// How an end-to-end test is written: `test('what a person sees', async (vscode) => { … })`.

/** All tests that the loaded files have asked for, in order. */
export const registered = [];
let currentFile = '';

export function setCurrentFile(file) {
  currentFile = file;
}

/**
 * Registers a test. It gets a fresh copy of a workspace, a fresh page and a Workbench, and fails when
 * the page breaks a content security policy or the extension host writes an error.
 *
 * @param {string} name what is shown to hold
 * @param {object} [options]
 * @param {string} [options.workspace] folder to copy, from the project's root (default `samples`); '' for an empty one
 * @param {Record<string, string>} [options.files] further files: path in the workspace → path from the root to copy
 * @param {string[]} [options.needs] paths from the root without which the test is skipped, visibly
 * @param {string} [options.extension] folder of the extension under test (default: the project)
 * @param {'dark' | 'light' | 'contrast' | 'contrast-light'} [options.theme]
 * @param {object} [options.settings] user settings
 * @param {number} [options.timeout] milliseconds (default 120000)
 * @param {RegExp[]} [options.allowErrors] errors of the extension host that this test provokes
 * @param {(vscode: import('./workbench.mjs').Workbench) => Promise<void>} body
 */
export function test(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  registered.push({ name, file: currentFile, body, ...options });
}
