import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { readText, type RecipeText } from './document';
import { formsAt, schemaOf, wordsAt, type Path } from './json-schema';
import { matchLayers, type NamedLayer } from './match';
import { keyText, nodeRange, resolved, type NodePair } from './positions';
import type { Range } from './problem';
import { choicesOf } from './written';

/** What is shown on hover, as Markdown, and for which range. */
export interface Hover {
  contents: string;
  range: Range;
}

/** What is known about the key, word or pattern at an offset. */
export function hoverAt(
  text: string,
  offset: number,
  layers: readonly NamedLayer[] = [],
): Hover | null {
  const doc = readText(text);
  const found = doc.yaml && locate(doc, doc.yaml.contents, offset, []);
  if (!found) return null;
  const { path, range, isKey } = found;
  if (!isKey) {
    const pattern = patternAt(doc, path, layers);
    if (pattern) return { contents: pattern, range };
  }
  const schema = schemaOf(path);
  const value = isKey ? undefined : text.slice(range.start, range.end);
  const word =
    value === undefined
      ? undefined
      : (wordsAt(path).get(value) ??
        formsAt(path).find(({ pattern }) => pattern.test(unquoted(value)))?.meaning);
  const description = word ?? schema?.description;
  if (!description) return null;
  const forms = formsAt(path).map(({ form, meaning }) => [form, meaning] as const);
  const words = isKey ? [...wordsAt(path), ...forms] : [];
  const list = words.map(([name, meaning]) => `- \`${name}\`: ${meaning}`);
  return { contents: [description, ...(list.length ? ['', ...list] : [])].join('\n'), range };
}

const unquoted = (value: string) => value.replace(/^(['"])(.*)\1$/, '$2');

interface Found {
  path: Path;
  range: Range;
  isKey: boolean;
}

/** The innermost key or scalar at an offset. */
function locate(doc: RecipeText, node: unknown, offset: number, path: Path): Found | null {
  const within = (range: Range) =>
    offset >= range.start && offset < Math.max(range.end, range.start + 1);
  if (isMap(node)) {
    for (const pair of node.items as NodePair[]) {
      const inner = [...path, keyText(pair)];
      const range = nodeRange(doc.text, pair.key);
      if (within(range)) return { path: inner, range, isKey: true };
      const found = pair.value && locate(doc, pair.value, offset, inner);
      if (found) return found;
    }
    return null;
  }
  if (isSeq(node)) {
    for (const [i, item] of (node.items as Node[]).entries()) {
      const found = locate(doc, item, offset, [...path, i]);
      if (found) return found;
    }
    return null;
  }
  const target = doc.yaml && resolved(doc.yaml, node);
  if (!target || !isScalar(target) || !(node as Node).range) return null;
  const range = nodeRange(doc.text, node as Node);
  return range.end > range.start && within(range) ? { path, range, isKey: false } : null;
}

/** Which layers the pattern at a path matches. */
function patternAt(doc: RecipeText, path: Path, layers: readonly NamedLayer[]): string | null {
  const [section, index, key] = path;
  if (typeof index !== 'number' || !layers.length) return null;
  const { keepFp32, layers: rules } = choicesOf(doc);
  const pattern =
    section === 'keep_fp32'
      ? keepFp32[index]
      : section === 'layers' && key === 'match'
        ? rules[index]?.match
        : undefined;
  if (pattern === undefined || pattern === '') return null;
  const names = matchLayers([pattern], layers)[0]?.matches ?? [];
  if (!names.length) return 'Matches no layer.';
  const shown = names.slice(0, 5).map((name) => `- \`${name}\``);
  const more = names.length > 5 ? [`- and ${names.length - 5} more`] : [];
  return [
    names.length === 1 ? 'Matches 1 layer:' : `Matches ${names.length} layers:`,
    '',
    ...shown,
    ...more,
  ].join('\n');
}
