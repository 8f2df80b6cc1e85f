import type { Path } from './json-schema';

/**
 * Words that the recipe language has and this version does not carry out, with the reason. They are told
 * apart from misspelt words, so that nobody hunts for a typing error that is not there.
 */
const words: Record<string, Record<string, string>> = {
  'quantization.mode': {
    qat: 'it quantizes after training and does not train',
  },
  'quantization.weights.type': {
    int16: 'its weights have 4 or 8 bits',
  },
  'quantization.improve.*': Object.fromEntries(
    ['smooth-quant', 'adaround', 'gptq'].map((name) => [
      name,
      'it has equalize and bias-correction',
    ]),
  ),
  'layers.*.precision': { float16: 'it has fp32, int8 and int16' },
};

const keys: Record<string, Record<string, string>> = {
  'layers.*': Object.fromEntries(
    ['granularity', 'improve'].map((name) => [
      name,
      'it sets precision, observer, activations and weights for single layers',
    ]),
  ),
};

const key = (path: Path) => path.map((step) => (typeof step === 'number' ? '*' : step)).join('.');

function lookUp(
  table: Record<string, Record<string, string>>,
  path: Path,
  word: string,
): string | undefined {
  const row = table[key(path)];
  return row && Object.hasOwn(row, word) ? row[word] : undefined;
}

/** Why this version cannot carry out the word `value` at `path`; undefined if the language does not know it. */
export function laterWord(path: Path, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (key(path) === 'evaluate.metric' && /^\.{0,2}\/|\.[cm]?[jt]s$/.test(value))
    return 'metrics of your own are ES modules whose names end in `.mjs`';
  return lookUp(words, path, value);
}

/** The same for the key `name` in the map at `path`. */
export function laterKey(path: Path, name: string): string | undefined {
  return lookUp(keys, path, name);
}
