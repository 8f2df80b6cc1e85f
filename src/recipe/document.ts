import { Lexer, LineCounter, parseDocument, type Document, type ParsedNode } from 'yaml';

/** A YAML document with the offsets of its nodes. */
export type YamlDocument = Document.Parsed<ParsedNode>;

/** Why a text is not parsed at all. */
export type Refusal = 'binary' | 'length' | 'tokens' | 'depth' | 'aliases';

/** A recipe's text and what YAML makes of it. */
export interface RecipeText {
  text: string;
  /** Null where the text is refused. */
  yaml: YamlDocument | null;
  refused: Refusal | null;
  lines: LineCounter;
}

const maxLength = 1_000_000;
const maxTokens = 200_000;
const maxDepth = 64;
const maxAnchors = 100;

/**
 * Why a text is refused before it is parsed, or null. yaml's parser recurses and compares, so a hostile text
 * can end the process (10,000 open brackets do) or keep it busy for minutes; its lexer is linear, and safe.
 */
export function refusal(text: string): Refusal | null {
  // control characters stand in no YAML (1.2, §5.1)
  if (/[^\P{Cc}\t\n\r\x7f-\x9f]/u.test(text)) return 'binary';
  if (text.length > maxLength) return 'length';
  let [tokens, flow, inLine, anchors] = [0, 0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    if (++tokens > maxTokens) return 'tokens';
    const first = token[0];
    if (first === '[' || first === '{') flow++;
    else if (first === ']' || first === '}') flow = Math.max(0, flow - 1);
    else if (token === '-' || token === '?') inLine++;
    else if (first === '\n' || first === '\r') inLine = 0;
    else if (first === '&' || first === '*') anchors++;
    if (flow > maxDepth || inLine > maxDepth) return 'depth';
    if (anchors > maxAnchors) return 'aliases';
  }
  return null;
}

/** Reads a text with its source tokens, so that edits know where dashes and colons are. Never throws. */
export function readText(text: string): RecipeText {
  const lines = new LineCounter();
  const refused = refusal(text);
  if (refused) {
    lines.addNewLine(0);
    return { text, yaml: null, refused, lines };
  }
  const yaml = parseDocument(text, {
    keepSourceTokens: true,
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false, // compares every pair of keys; parse.ts does it in one pass
    logLevel: 'error', // “silent” would also pass over a second document
  });
  return { text, yaml, refused, lines };
}

/** A document as plain data; undefined where an alias leads nowhere or to too much, or the text is refused. */
export function toPlain({ yaml }: RecipeText): unknown {
  try {
    return yaml?.toJS({ maxAliasCount: 1000 }) as unknown;
  } catch {
    return undefined;
  }
}
