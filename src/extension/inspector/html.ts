/** What the page needs from outside; every address is one that the webview may load. */
export interface PageParts {
  script: string;
  style: string;
  codicons: string;
  plotly: string;
  /** The webview's own origin, as its content security policy names it. */
  cspSource: string;
  nonce: string;
  /** BCP 47 tag of the editor's language. */
  language: string;
}

/**
 * The inspector's page. Scripts run by nonce only; plotly needs styles in attributes (`unsafe-inline`),
 * draws heat maps as `data:` images and saves pictures through `blob:`.
 */
export function inspectorHtml(parts: PageParts): string {
  const { cspSource, nonce } = parts;
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'unsafe-inline'`,
    `img-src ${cspSource} data: blob:`,
    `font-src ${cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${parts.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="vernier-plotly" content="${parts.plotly}">
<meta name="vernier-nonce" content="${nonce}">
<link rel="stylesheet" href="${parts.codicons}" id="vscode-codicon-stylesheet">
<link rel="stylesheet" href="${parts.style}">
<title>Vernier</title>
</head>
<body>
<div id="root"></div>
<script nonce="${nonce}" src="${parts.script}"></script>
</body>
</html>
`;
}
