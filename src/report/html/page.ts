import { escapeHtml } from '../figures/figure';
import { style } from './style';

/** What a page says. */
export interface PageContent {
  /** Plain text; it is escaped. */
  title: string;
  /** HTML behind the title, in the header. */
  head: string;
  /** Sections, as HTML. */
  parts: readonly string[];
  /** BCP 47 tag; English where it is left out. */
  language?: string;
  /** More style, behind the page's own. */
  style?: string;
}

/** One HTML file that needs nothing from elsewhere, and may load nothing. */
export function page({
  title,
  head,
  parts,
  language = 'en',
  style: more = '',
}: PageContent): string {
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>
${style}
${more}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${head}
</header>
<main>
${parts.join('\n')}
</main>
</body>
</html>
`;
}
