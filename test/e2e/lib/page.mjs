// What is done to a page before the workbench loads, and what is heard from it.

/**
 * Gives the workbench an extension under development, so that no package is needed and the extension
 * host's console reaches the page. VS Code ignores the URL parameter for it in a built server; its own
 * configuration element is read through getAttribute, where this steps in.
 */
export async function configure(page, { url, extensions = [] }) {
  const authority = new URL(url).host;
  const remote = (path) => ({ scheme: 'vscode-remote', authority, path });
  await page.addInitScript((folders) => {
    if (window.top !== window) return;
    const original = Element.prototype.getAttribute;
    Element.prototype.getAttribute = function (name) {
      const value = original.call(this, name);
      if (
        name !== 'data-settings' ||
        this.id !== 'vscode-workbench-web-configuration' ||
        value === null
      ) {
        return value;
      }
      const configuration = JSON.parse(value);
      if (folders.length) {
        configuration.developmentOptions = {
          ...configuration.developmentOptions,
          extensions: folders,
        };
      }
      delete configuration.productConfiguration?.extensionsGallery; // no marketplace requests
      return JSON.stringify(configuration);
    };
  }, extensions.map(remote));
}

/** The server is installed without compiling its log writer; the host says so once a log, and writes no log. */
const noLogWriter = /Could not locate the bindings file[\s\S]*@vscode\/spdlog/;

/**
 * Listens to a page: everything, and apart from it what must not be there. Content security policy
 * violations are heard in every frame, both as events and in the words of the browser's console.
 */
export async function listen(page) {
  const heard = { all: [], cspViolations: [], hostErrors: [], pageErrors: [] };
  await page.exposeFunction('vernierCspViolation', (text) => heard.cspViolations.push(text));
  await page.addInitScript(() => {
    window.addEventListener('securitypolicyviolation', (event) => {
      window.vernierCspViolation(
        `${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile ?? document.URL}:${event.lineNumber}`,
      );
    });
  });
  page.on('console', (message) => {
    const text = message.text();
    if (!noLogWriter.test(text)) heard.all.push(`[${message.type()}] ${text}`);
    if (/violates the following (Content Security Policy|report-only)/i.test(text)) {
      heard.cspViolations.push(text);
    }
    const ofHost = text.includes('[Extension Host]');
    const ofOurs = text.includes('vernier.vernier');
    if (message.type() === 'error' && (ofHost || ofOurs) && !noLogWriter.test(text)) {
      heard.hostErrors.push(text);
    }
  });
  page.on('pageerror', (error) => {
    heard.all.push(`[pageerror] ${error.message}`);
    heard.pageErrors.push(error.stack ?? error.message);
  });
  return heard;
}
