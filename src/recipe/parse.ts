import { isAlias, visit } from 'yaml';
import { texts } from './describe';
import { readText, toPlain, type RecipeText } from './document';
import { problemAt } from './place';
import { keyText, nodeRange, type NodePair } from './positions';
import { hasErrors, type Problem } from './problem';
import type { Recipe } from './schema';
import { lineEnd } from './text-edit';
import { maxProblems, validate } from './validate';

/** A recipe's text, what it says, and everything that is wrong with it. */
export interface ParseResult {
  /** The recipe, or null where a problem is an error. */
  recipe: Recipe | null;
  /** The text with its YAML, for ranges and edits. */
  doc: RecipeText;
  /** In the order of the text. */
  problems: Problem[];
  /** As it was given; for messages only. */
  file: string;
}

export interface ParseOptions {
  /** A part of a recipe, as in a notebook cell: what is not there is not missed. */
  partial?: boolean;
}

/**
 * Reads a recipe. Never throws: all problems come back at once, each with its place. `recipe` is null if and
 * only if one of them is an error.
 */
export function parseRecipe(text: string, file: string, options: ParseOptions = {}): ParseResult {
  const doc = readText(text);
  const problems = yamlProblems(doc);
  const syntaxOk = !hasErrors(problems);
  let recipe: Recipe | null = null;
  const plain = syntaxOk ? toPlain(doc) : undefined;
  if (syntaxOk && plain === undefined && doc.yaml?.contents) {
    // what is left are aliases of aliases that would fill the memory
    problems.push(problemAt(doc, { start: 0, end: 0 }, 'syntax', texts.refused('aliases')));
  } else if (syntaxOk) {
    problems.push(...duplicateKeys(doc));
    const result = validate(doc, plain, options.partial ?? false);
    problems.push(...result.problems);
    recipe = hasErrors(problems) ? null : result.recipe;
  }
  problems.sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end);
  return { recipe, doc, problems: problems.slice(0, maxProblems), file };
}

/** What the YAML parser objects to, and what it is not even asked about. */
function yamlProblems(doc: RecipeText): Problem[] {
  const { yaml, refused, text } = doc;
  if (refused) {
    const code = refused === 'length' || refused === 'tokens' ? 'too-large' : 'syntax';
    return [problemAt(doc, { start: 0, end: 0 }, code, texts.refused(refused))];
  }
  if (!yaml) return [];
  const problems: Problem[] = [];
  for (const error of [...yaml.errors, ...yaml.warnings].slice(0, maxProblems)) {
    const warning = error.name === 'YAMLWarning';
    const start = Math.min(error.pos[0], text.length);
    // an error may span the rest of the text: its first line is enough to see where it is
    const range = { start, end: Math.min(Math.max(start, error.pos[1]), lineEnd(text, start)) };
    problems.push(
      problemAt(doc, range, 'syntax', texts.syntax(error.message), {
        severity: warning ? 'warning' : 'error',
      }),
    );
  }
  // `- *conv*` without quotes is an alias to YAML, and the likeliest slip of all
  visit(yaml, {
    Alias(_, alias) {
      if (!isAlias(alias) || alias.resolve(yaml)) return;
      const range = nodeRange(text, alias);
      const source = text.slice(range.start, range.end);
      problems.push(
        problemAt(doc, range, 'syntax', texts.unquotedStar(source), {
          replacements: [`'${source.replaceAll("'", "''")}'`],
        }),
      );
    },
  });
  return problems;
}

/** Keys that stand twice in a map. */
function duplicateKeys(doc: RecipeText): Problem[] {
  const problems: Problem[] = [];
  if (!doc.yaml) return problems;
  visit(doc.yaml, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const pair of map.items as NodePair[]) {
        const key = keyText(pair);
        if (seen.has(key))
          problems.push(
            problemAt(doc, nodeRange(doc.text, pair.key), 'duplicate-key', texts.duplicateKey(key)),
          );
        seen.add(key);
      }
    },
  });
  return problems;
}
