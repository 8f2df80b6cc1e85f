/** The report's style sheet: light and dark by the reader's preference, plain on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --fore: #1f2328; --dim: #59636e; --line: #d1d9e0; --soft: #f6f8fa;
  --noise: #d9480f; --int8: #0969da; --fp32: #8c959f; --bad: #cf222e; --good: #1a7f37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --fore: #e6edf3; --dim: #9198a1; --line: #30363d; --soft: #161b22;
    --noise: #ff7b29; --int8: #58a6ff; --fp32: #6e7681; --bad: #ff7b72; --good: #3fb950;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem;
  background: var(--back); color: var(--fore);
  font: 14px/1.5 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif;
}
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
p { margin: 0.5rem 0; max-width: 60rem; }
.lead { font-size: 1.1rem; }
.dim, caption { color: var(--dim); }
caption { text-align: left; padding-bottom: 0.3rem; }
nav { margin: 0.75rem 0 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; }
a { color: var(--int8); text-decoration: none; }
a:hover { text-decoration: underline; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; color: var(--dim); white-space: nowrap; }
td.n, th.n { text-align: right; white-space: nowrap; }
td:first-child, th:first-child { padding-left: 0; }
code, pre, .name { font-family: ui-monospace, 'SF Mono', Consolas, 'Noto Sans Mono', monospace; font-size: 0.92em; }
.name { overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); padding: 0.6rem 0.8rem; overflow-x: auto; margin: 0.3rem 0 1rem; }
.badge { display: inline-block; padding: 0.1rem 0.5rem; border: 1px solid currentColor; border-radius: 3px; font-weight: 600; }
.badge.bad { color: #fff; background: #b3201c; border-color: #b3201c; }
.bad { color: var(--bad); } .good { color: var(--good); }
.precision { display: inline-block; min-width: 1.6em; text-align: center; border: 1px solid var(--line); border-radius: 3px; font-size: 0.85em; }
.precision.keep { background: repeating-linear-gradient(45deg, var(--line) 0 2px, transparent 2px 5px); }
td.heat { background: color-mix(in srgb, var(--noise) calc(var(--a) * 75%), transparent); }
svg { display: block; } section > svg { margin: 0.75rem 0; } svg text { fill: currentColor; font-size: 11px; }
.stack { display: flex; height: 1.2rem; max-width: 40rem; border: 1px solid var(--line); }
.stack > span { display: block; height: 100%; }
.legend { display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.4em; border: 1px solid var(--line); }
ul { padding-left: 1.2rem; } li { margin: 0.15rem 0; }
@media print {
  :root { --back: #fff; --fore: #000; --dim: #444; --line: #bbb; --soft: #fff; --noise: #d9480f; --int8: #0550ae; --fp32: #8c959f; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  nav { display: none; }
  h2 { break-after: avoid; } tr, svg, pre { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
}
`.trim();

/** The same page inside the editor, in the colours of its theme. */
export const editorStyle = `
:root, body {
  --back: var(--vscode-editor-background); --fore: var(--vscode-editor-foreground);
  --dim: var(--vscode-descriptionForeground); --line: var(--vscode-editorWidget-border, var(--vscode-contrastBorder));
  --soft: var(--vscode-editorWidget-background); --int8: var(--vscode-textLink-foreground);
  --noise: var(--vscode-charts-orange); --fp32: var(--vscode-descriptionForeground);
  --bad: var(--vscode-errorForeground); --good: var(--vscode-charts-green);
}
body { font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); }
code, pre, .name { font-family: var(--vscode-editor-font-family); }
`.trimStart();
