import * as z from 'zod';
import { recipeSchema } from './schema';

/** The part of JSON Schema that a recipe's schema uses. */
export interface SchemaNode {
  title?: string;
  description?: string;
  type?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: boolean | SchemaNode;
  items?: SchemaNode | SchemaNode[];
  anyOf?: SchemaNode[];
  enum?: (string | number)[];
  /** What each word of `enum` means, in the same order (VS Code reads this too). */
  enumDescriptions?: string[];
  /** Regular expression of a text; the schema's `title` shows what it looks like. */
  pattern?: string;
  not?: SchemaNode;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
}

let cached: SchemaNode | undefined;

/** The JSON Schema (draft 7) of a recipe, made from {@link recipeSchema} once. */
export function recipeJsonSchema(): SchemaNode {
  cached ??= z.toJSONSchema(recipeSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // zod writes the largest safe integer as a bound; it says nothing to a reader
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  }) as SchemaNode;
  return cached;
}

/** A key in a map or an index in a list, from the root down. */
export type Path = readonly (string | number)[];

/** The schemas that a value at `path` may follow: several where the recipe allows alternatives, none if unknown. */
export function schemasAt(path: Path): SchemaNode[] {
  let nodes = alternatives(recipeJsonSchema());
  for (const step of path) {
    nodes = nodes.flatMap((node) => child(node, step) ?? []).flatMap((node) => alternatives(node));
  }
  return nodes;
}

/** What the schema says of the key at the end of `path`, before alternatives are told apart. */
export function schemaOf(path: Path): SchemaNode | undefined {
  const last = path.at(-1);
  if (last === undefined) return recipeJsonSchema();
  for (const parent of schemasAt(path.slice(0, -1))) {
    const found = child(parent, last);
    if (found) return found;
  }
  return undefined;
}

/** The keys that a map at `path` may have, with their schemas. */
export function keysAt(path: Path): Map<string, SchemaNode> {
  return new Map(schemasAt(path).flatMap((node) => Object.entries(node.properties ?? {})));
}

/** The words that a value at `path` may be, each with what it means. */
export function wordsAt(path: Path): Map<string, string> {
  return new Map(
    schemasAt(path).flatMap((node) =>
      (node.enum ?? []).map((word, i) => [String(word), node.enumDescriptions?.[i] ?? ''] as const),
    ),
  );
}

/** The texts of a given form that a value at `path` may be besides words: what they look like, with what it means. */
export function formsAt(path: Path): { form: string; pattern: RegExp; meaning: string }[] {
  return schemasAt(path).flatMap(({ pattern, title, description }) =>
    pattern === undefined || title === undefined
      ? []
      : [{ form: title, pattern: new RegExp(pattern), meaning: description ?? '' }],
  );
}

/** What may stand at `path`, in words: “a whole number, or a list of 2”. */
export function expectedAt(path: Path): string {
  return [...new Set(schemasAt(path).map(inWords))].join(', or ');
}

function inWords(node: SchemaNode): string {
  if (node.enum)
    return node.enum.length === 1 ? `\`${node.enum[0]}\`` : `one of ${node.enum.join(', ')}`;
  const bound =
    node.minimum !== undefined && node.maximum !== undefined
      ? ` from ${node.minimum} to ${node.maximum}`
      : node.minimum !== undefined
        ? ` of at least ${node.minimum}`
        : node.exclusiveMinimum !== undefined
          ? ` above ${node.exclusiveMinimum}`
          : '';
  switch (node.type) {
    case 'integer':
      return `a whole number${bound}`;
    case 'number':
      return `a number${bound}`;
    case 'string':
      return node.title === undefined ? 'text' : `\`${node.title}\``;
    case 'array':
      return Array.isArray(node.items) ? `a list of ${node.items.length}` : 'a list';
    default:
      return node.properties
        ? `a map of ${Object.keys(node.properties).slice(0, 4).join(', ')}${Object.keys(node.properties).length > 4 ? ' …' : ''}`
        : 'a map';
  }
}

function alternatives(node: SchemaNode): SchemaNode[] {
  return node.anyOf ? node.anyOf.flatMap(alternatives) : [node];
}

function child(node: SchemaNode, step: string | number): SchemaNode | undefined {
  if (typeof step === 'number') return Array.isArray(node.items) ? node.items[step] : node.items;
  if (node.properties && Object.hasOwn(node.properties, step)) return node.properties[step];
  return typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
}
