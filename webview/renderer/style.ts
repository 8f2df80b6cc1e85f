/** Styles of a result in a notebook's output; VS Code's variables only. */
export default `
.vernier-result { font: var(--vscode-font-size, 13px)/1.4 var(--vscode-font-family); color: var(--vscode-foreground); font-variant-numeric: tabular-nums; }
.vernier-result .strip { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 6px; color: var(--vscode-descriptionForeground); }
.vernier-result .strip b { color: var(--vscode-foreground); }
.vernier-result .strip .bad b { color: var(--vscode-errorForeground); }
.vernier-result table { border-collapse: collapse; border: 0; }
.vernier-result th { color: var(--vscode-descriptionForeground); font-weight: 400; font-size: 11px; padding: 2px 8px; border: 0; border-bottom: 1px solid var(--vscode-panel-border); text-align: left; }
.vernier-result td { padding: 1px 8px; border: 0; white-space: nowrap; }
.vernier-result .end { text-align: right; }
.vernier-result tr { background: none; }
.vernier-result tr.hurts td:first-child { font-weight: 600; }
.vernier-result .dim { color: var(--vscode-descriptionForeground); }
`;
