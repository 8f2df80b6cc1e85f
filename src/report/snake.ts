import type { Json } from './json-value';

/** A document with keys in snake_case, as `--json` prints them. Keys that are names of people's things must not be in it. */
export function snakeCased(value: unknown): Json {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCased(inner),
    ]),
  );
}
