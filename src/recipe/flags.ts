import { parseDocument } from 'yaml';
import { refusal } from './document';
import { schemasAt, type Path } from './json-schema';
import { nest, splitKey, writeRecipe } from './write';

/**
 * The recipe that command-line flags amount to: keys are recipe keys, dotted (`calibration.samples`,
 * `inputs.NAME.shape`), values are numbers, lists, or the texts that stood on the command line. A flag given
 * several times (a list) is a list. Unknown keys are kept, so that {@link parseRecipe} can object to them.
 */
export function recipeFromFlags(flags: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(flags).filter(([, value]) => value !== undefined);
  return writeRecipe(nest(entries.map(([key, value]) => [key, fromFlag(splitKey(key), value)])));
}

/** What the text of a flag means at its key: text stays text where the recipe wants text. */
function fromFlag(path: Path, value: unknown): unknown {
  const nodes = schemasAt(path);
  const wantsList = nodes.some(({ type }) => type === 'array');
  const onlyList = nodes.length > 0 && nodes.every(({ type }) => type === 'array');
  if (Array.isArray(value)) {
    const values = value.map((item) => fromText([...path, 0], item)).flat();
    return values.length === 1 && !onlyList ? values[0] : values;
  }
  if (typeof value !== 'string') return onlyList ? [value] : value;
  const texts = nodes.some(({ type }) => type === 'string');
  if (wantsList && !texts && !/^\s*\[/.test(value) && value.includes(',') && !isPatternList(path))
    return inYaml(`[${value}]`);
  const read = fromText(path, value);
  return onlyList && !Array.isArray(read) ? [read] : read;
}

const isPatternList = (path: Path) => path[0] === 'keep_fp32' || path[0] === 'layers';

function fromText(path: Path, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const structured = /^\s*[[{]/.test(value);
  const nodes = schemasAt(path);
  const texts = nodes.some(({ type, enum: words }) => type === 'string' && !words);
  const numbers = nodes.some(({ type }) => type === 'number' || type === 'integer');
  const isNumber = numbers && value.trim() !== '' && Number.isFinite(Number(value));
  if (isNumber) return Number(value);
  if (texts && !structured) return value;
  // layer names and paths may begin with a bracket too: what YAML cannot read is text
  const read = inYaml(value);
  if (texts && (typeof read !== 'object' || read === null)) return value;
  if (isPatternList(path) && !structured) return value;
  return read;
}

function inYaml(text: string): unknown {
  if (refusal(text)) return text;
  const doc = parseDocument(text, { logLevel: 'error', prettyErrors: false });
  if (doc.errors.length) return text;
  try {
    return doc.toJS() as unknown;
  } catch {
    return text; // `*name` is no alias here
  }
}
