import { isMap } from 'yaml';
import type { Text } from './describe';
import type { RecipeText } from './document';
import type { Path } from './json-schema';
import { lineColumn, nodeRange, rangeOf, type NodePair, type Part } from './positions';
import type { Problem, ProblemCode, Range } from './problem';

/** A problem at a range of the text. */
export function problemAt(
  doc: RecipeText,
  range: Range,
  code: ProblemCode,
  text: Text,
  more: Partial<Problem> = {},
): Problem {
  return { code, severity: 'error', ...text, range, ...lineColumn(doc, range.start), ...more };
}

/** A problem at what stands at a path, or at the nearest thing above it that stands. */
export function problemOn(
  doc: RecipeText,
  path: Path,
  code: ProblemCode,
  text: Text,
  more: Partial<Problem> & { part?: Part } = {},
): Problem {
  const { part, ...rest } = more;
  let range = rangeOf(doc, path, part);
  for (let n = path.length - 1; !range && n > 0; n--) range = rangeOf(doc, path.slice(0, n), 'key');
  return problemAt(doc, range ?? firstWord(doc), code, text, { path, ...rest });
}

/** Where a problem of the whole recipe is shown: its first key. */
function firstWord(doc: RecipeText): Range {
  const root = doc.yaml?.contents;
  const first = isMap(root) ? (root.items[0] as NodePair | undefined)?.key : undefined;
  return first ? nodeRange(doc.text, first) : { start: 0, end: 0 };
}
