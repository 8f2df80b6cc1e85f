import { escapeHtml } from '../figures/figure';

/** HTML that is safe as it stands; everything else is escaped by {@link cell} and {@link escapeHtml}. */
export interface Raw {
  html: string;
}

/** A cell: a text, or HTML with its own attributes. */
export type Cell = string | (Raw & { attributes?: string });

/** A column's title; numbers stand to the right. */
export interface Head {
  name: string;
  right?: boolean;
}

/** A section with an anchor; nothing where it has no content. */
export function section(id: string, title: string, content: string): string {
  if (content === '') return '';
  return `<section id="${id}">\n<h2>${escapeHtml(title)}</h2>\n${content}\n</section>`;
}

/** A table that scrolls sideways where it is too wide. Columns without a single text are left out. */
export function table(all: readonly Head[], cells: readonly Cell[][], caption = ''): string {
  const used = all.map((_, i) => cells.some((row) => row[i] !== ''));
  const heads = all.filter((_, i) => used[i]);
  const rows = cells.map((row) => row.filter((_, i) => used[i]));
  const head = heads
    .map(
      ({ name, right }) => `<th scope="col"${right ? ' class="n"' : ''}>${escapeHtml(name)}</th>`,
    )
    .join('');
  const body = rows
    .map((row) => `<tr>${row.map((content, i) => cell(content, heads[i]?.right)).join('')}</tr>`)
    .join('\n');
  const says = caption ? `<caption>${escapeHtml(caption)}</caption>` : '';
  return `<div class="scroll"><table>${says}\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table></div>`;
}

function cell(content: Cell, right: boolean | undefined): string {
  const html = typeof content === 'string' ? escapeHtml(content) : content.html;
  const attributes = typeof content === 'string' ? '' : (content.attributes ?? '');
  const classes = right && !attributes.includes('class=') ? ' class="n"' : '';
  return `<td${classes}${attributes ? ` ${attributes}` : ''}>${html}</td>`;
}

/** A name in the font of code. */
export function name(text: string): Raw {
  return { html: `<span class="name">${escapeHtml(text)}</span>` };
}
