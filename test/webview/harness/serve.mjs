// Builds the pages and serves them as VS Code would: the same policy, the same variables, no VS Code.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, URLSearchParams } from 'node:url';
import * as esbuild from 'esbuild';
import { themes } from './themes.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const modules = join(root, 'node_modules');
const TYPES = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.ttf': 'font/ttf',
  '.html': 'text/html',
};

async function bundle(entry, format) {
  const built = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: 'out',
    bundle: true,
    write: false,
    format,
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const file = (end) => built.outputFiles.find((each) => each.path.endsWith(end))?.text ?? '';
  return { js: file('.js'), css: file('.css') };
}

/** The page, with a nonce as the extension makes one. */
function page(theme, nonce) {
  const { classes, colors } = themes[theme];
  const variables = Object.entries(colors).map(([name, value]) => `--vscode-${name}: ${value}`);
  return `<!doctype html><html lang="en" style='${variables.join('; ')}'><head><meta charset="utf-8"><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'">
<meta name="vernier-plotly" content="/plotly.js"><meta name="vernier-nonce" content="${nonce}">
<style>code { color: #d0d0d0; background: #8883; padding: 1px 3px; border-radius: 4px }</style>
<link rel="stylesheet" href="/codicon.css"><link rel="stylesheet" href="/inspector.css">
</head><body class="${classes}"><div id="root"></div>
<script nonce="${nonce}" src="/host.js"></script><script nonce="${nonce}" src="/inspector.js"></script></body></html>`;
}

/** Starts the server; `url(theme, state, page)` is the address of a page. */
export async function serve() {
  const inspector = await bundle('webview/inspector/main.tsx', 'iife');
  const renderer = await bundle('webview/renderer/main.ts', 'esm');
  const host = await bundle('test/webview/harness/host.ts', 'iife');
  const files = {
    '/inspector.js': inspector.js,
    '/inspector.css': inspector.css,
    '/host.js': host.js,
    '/renderer.js': renderer.js,
    '/plotly.js': await readFile(join(modules, 'plotly.js/plotly-cartesian.min.js')),
    '/codicon.css': await readFile(join(modules, '@vscode/codicons/dist/codicon.css')),
    '/codicon.ttf': await readFile(join(modules, '@vscode/codicons/dist/codicon.ttf')),
  };
  files['/webview/plotly.js'] = files['/plotly.js'];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const body =
      pathname === '/'
        ? page(searchParams.get('theme') ?? 'dark', 'bm9uY2Ugb2YgdGhlIGhhcm5lc3M=')
        : pathname === '/blank'
          ? '<!doctype html><body class="vscode-dark">' // a notebook's output: no policy of ours
          : files[pathname];
    if (body === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-type': TYPES[extname(pathname)] ?? 'text/html; charset=utf-8' })
        .end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    sizes: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, file.length])),
    url: (theme, state = 'done', saved = null) =>
      `${origin}/?${new URLSearchParams({ theme, state, page: JSON.stringify(saved) })}`,
    close: () => server.close(),
  };
}
