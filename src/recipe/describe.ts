import type { SensitivityStage } from '../results';
import type { Refusal } from './document';

/** A problem's sentence and, where there is one, its remedy. */
export interface Text {
  message: string;
  remedy?: string;
}

/** Of what is quoted from a recipe no more than so many characters are shown. */
const MOST_QUOTED = 200;
const cut = (text: string, most = MOST_QUOTED) =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

const code = (word: string) => `\`${cut(word)}\``;

/** “`a`, `b` or `c`”. */
export function either(words: readonly string[]): string {
  const quoted = words.map(code);
  return quoted.length < 2
    ? (quoted[0] ?? '')
    : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

const didYouMean = (words: readonly string[]) =>
  words.length ? { remedy: `Did you mean ${either(words)}?` } : {};

/** A value as it is shown in a message: short, on one line. */
function shown(value: unknown): string {
  return cut(JSON.stringify(value) ?? 'nothing', 60);
}

/** What the schema says of a place: the form of its value, what that means, and whether it may be left out. */
export interface Expected {
  form: string;
  meaning: string;
  optional: boolean;
}

const write = ({ form, meaning, optional }: Expected) =>
  [`Write ${form}${optional ? ', or leave it out' : ''}.`, meaning].filter(Boolean).join(' ');

const layersWord = (n: number) => (n === 1 ? '1 layer' : `${n} layers`);

const refusals: Record<Refusal, Text> = {
  binary: {
    message: 'This is no text, so it is no recipe.',
    remedy: 'Name a recipe; to quantize a model: vernier quantize MODEL.',
  },
  length: { message: 'A recipe longer than 1 MB is not read.' },
  tokens: { message: 'A recipe of more than 200,000 words and signs is not read.' },
  depth: { message: 'Lists and maps are nested too deeply.' },
  aliases: {
    message: 'There are more than 100 anchors and aliases (`&…`, `*…`).',
    remedy: 'Put names that begin with `*` or `&` in quotes.',
  },
};

/**
 * Every sentence that is said about a recipe. They are made here and nowhere else, so that they can be read,
 * and translated, in one place.
 */
export const texts = {
  refused: (why: Refusal): Text => refusals[why],
  syntax: (message: string): Text => ({ message: `This is not YAML: ${cut(message)}` }),
  unquotedStar: (source: string): Text => ({
    message: `In YAML ${code(source)} refers to an anchor that is not there.`,
    remedy: `Put it in quotes: ${code(`'${source}'`)}.`,
  }),
  notAMap: (): Text => ({
    message: 'A recipe is a map of keys such as `model:` and `calibration:`.',
    remedy: 'Begin with `model: FILE.onnx`.',
  }),
  duplicateKey: (key: string): Text => ({
    message: `${code(key)} stands here twice.`,
    remedy: 'Remove one of them.',
  }),
  unknownKey: (key: string, near: readonly string[], home: string | null): Text => ({
    message: `There is no key ${code(key)} here.`,
    ...(near.length ? didYouMean(near) : home ? { remedy: `It belongs under ${code(home)}.` } : {}),
  }),
  missingKey: (key: string): Text => ({
    message: `The key ${code(key)} is missing.`,
    remedy: `Add ${code(`${key}:`)}.`,
  }),
  missingCalibration: (): Text => ({
    message: 'Static quantization needs calibration data.',
    remedy:
      'Give `calibration: { data: … }` (or `random`, to try it out), or set `quantization: { mode: dynamic }`.',
  }),
  targetWithMode: (target: string, mode: string): Text => ({
    message: `The target ${code(target)} is written in ${code(`mode: ${mode}`)} alone.`,
    remedy: `Set ${code(`quantization: { mode: ${mode} }`)}, or another target.`,
  }),
  wrongType: (value: unknown, expected: Expected): Text => ({
    message: `${shown(value)} does not fit here: it wants ${expected.form}.`,
    remedy: write(expected),
  }),
  notAList: (value: unknown): Text => ({
    message: `${shown(value)} does not fit here: it wants a list.`,
    remedy: 'Put it in brackets.',
  }),
  wrongWord: (value: unknown, near: readonly string[], words: readonly string[]): Text => ({
    message: `${shown(value)} is not known here: it may be ${either(words)}.`,
    remedy: 'Write one of these, or leave it out.',
    ...didYouMean(near),
  }),
  unknownMethod: (value: unknown): Text => ({
    message: `There is no method ${shown(value)}.`,
    remedy: 'Leave it out.',
  }),
  wrongScale: (value: unknown): Text => ({
    message: `${shown(value)} is not a factor.`,
    remedy: 'Write a number other than 0, or a fraction like `1/255`.',
  }),
  emptyRange: (value: unknown): Text => ({
    message: `The range ${shown(value)} is empty: the first number must be the smaller.`,
    remedy: 'Write two numbers, the smaller one first, like `[0, 1]`.',
  }),
  outOfRange: (value: unknown, expected: Expected): Text => ({
    message: `${shown(value)} is out of range: it wants ${expected.form}.`,
    remedy: write(expected),
  }),
  unsupportedWord: (key: string, value: unknown, why: string, can: readonly string[]): Text => ({
    message: `This version cannot carry out ${code(`${key}: ${String(value)}`)}: ${why}.`,
    remedy: can.length ? `Use ${either(can)}.` : 'Leave it out.',
  }),
  unsupportedKey: (key: string, why: string): Text => ({
    message: `This version cannot carry out ${code(`${key}:`)} here: ${why}.`,
    remedy: 'Leave it out.',
  }),
  overwritesModel: (): Text => ({
    message: 'The output would overwrite the model.',
    remedy: 'Choose another name for `output`.',
  }),
  overwritesFile: (key: string): Text => ({
    message: `The output would overwrite what ${code(key)} names.`,
    remedy: 'Choose another name for `output`.',
  }),

  noMatch: (pattern: string, near: readonly string[]): Text => ({
    message: `${code(pattern)} matches no layer.`,
    ...didYouMean(near),
  }),
  operatorAsName: (op: string, n: number): Text => ({
    message: `${code(op)} is no layer’s name, but the operator of ${layersWord(n)}.`,
    remedy: `Write ${code(`{ op: ${op} }`)}.`,
  }),
  notFound: (path: string): Text => ({ message: `There is no ${code(path)}.` }),
  sameData: (): Text => ({
    message: 'The evaluation data is also the calibration data, so the result will look too good.',
    remedy: 'Evaluate on data that calibration has not seen.',
  }),
  randomData: (): Text => ({
    message: 'Calibrated on random data, ranges say nothing about real inputs.',
    remedy: 'Use a hundred real samples before you ship the model.',
  }),
  keepsEverything: (): Text => ({ message: 'Every layer stays in FP32: nothing is quantized.' }),
  keptAnyway: ([first, ...more]: readonly string[]): Text => ({
    message: `This rule has no effect: ${code('keep_fp32')} keeps ${code(first!)}${more.length > 0 ? ` and ${more.length} more` : ''} in FP32.`,
    remedy: `Take the name out of ${code('keep_fp32')}, or this rule out.`,
  }),
  imageOfArrays: (): Text => ({
    message: `${code('image')} has no effect: it prepares pictures, and arrays are taken as they are.`,
    remedy: 'Prepare the arrays as it was done in training, and leave it out.',
  }),
  keptPrecision: (): Text => ({
    message: `${code('activations')} has no effect with ${code('precision: fp32')}.`,
  }),
  noInput: (name: string, near: readonly string[], names: readonly string[]): Text => ({
    message: `${code(name)} is no input of the model; it has ${names.map(code).join(', ')}.`,
    ...didYouMean(near),
  }),
  otherShape: (name: string, shape: readonly (number | string | null)[]): Text => ({
    message: `The input ${code(name)} has the shape ${code(`[${shape.map((size) => size ?? '?').join(', ')}]`)} in the model, which this contradicts.`,
  }),
  noEffect: (key: string, mode: string): Text => ({
    message: `${code(key)} has no effect with ${code(`mode: ${mode}`)}.`,
  }),
  onlyForTarget: (key: string, target: string): Text => ({
    message: `${code(key)} has no effect without ${code(`target: ${target}`)}.`,
  }),
  bfloat16Io: (): Text => ({
    message: `${code('keep_io: false')} has no effect with ${code('type: bfloat16')}: onnxruntime-node carries no bfloat16.`,
  }),
  signedActivations: (): Text => ({
    message:
      'On x86 onnxruntime multiplies unsigned activations: with `int8` a convolution may take twice as long.',
    remedy: 'Set `type: uint8`, or leave it out.',
  }),
  percentileWithout: (): Text => ({
    message: `${code('percentile')} has no effect: no observer is ${code('percentile')}.`,
    remedy: 'Set `observer: percentile`.',
  }),
  needsHistograms: (observer: string): Text => ({
    message: `The observer ${code(observer)} needs more than the extremes.`,
    remedy: 'Set `calibration: { statistics: full }`, or take `minmax`.',
  }),
  blockWithout: (granularity: string): Text => ({
    message: `${code('block')} has no effect with ${code(`granularity: ${granularity}`)}.`,
    remedy: 'Set `granularity: block`.',
  }),
  levelWithoutNBits: (): Text => ({
    message: `${code('accuracy_level')} has no effect with ${code('form: qdq')}: there the session decides.`,
    remedy:
      'Set the session option `session.qdq_matmulnbits_accuracy_level`, or `form: matmul-nbits`.',
  }),
  againstFp32: (metric: string): Text => ({
    message: `${code('metric_drop')} has no effect with ${code(`metric: ${metric}`)}, which compares with FP32 itself.`,
    remedy: 'Use `sqnr_db`, or a metric that compares with labels.',
  }),
  limitWithout: (limit: string, needs: string): Text => ({
    message: `The limit ${code(limit)} cannot be checked without ${code(needs)}.`,
  }),
  costsDb: (layer: string, db: number): Text => ({
    message: `${code(layer)} costs ${db.toFixed(1)} dB at the output.`,
    remedy: 'Keep it in FP32.',
  }),
  noiseShare: (layer: string, share: number, by: SensitivityStage): Text => ({
    message:
      by === 'exact'
        ? `${code(layer)} makes ${Math.round(share * 100)} % of the noise at the output.`
        : `${code(layer)} makes about ${Math.round(share * 100)} % of the noise at the output (estimate: ${by}).`,
    remedy: 'Keep it in FP32.',
  }),
  slower: (layers: readonly string[], savesMs: number): Text => ({
    message: `${layers.map(code).join(' + ')} ${layers.length > 1 ? 'take' : 'takes'} ${Number(savesMs.toPrecision(3))} ms longer than in FP32.`,
    remedy: `Keep ${layers.length > 1 ? 'them' : 'it'} in FP32.`,
  }),
  hurts: (layer: string): Text => ({
    message: `${code(layer)} is among the layers that hurt the output most.`,
    remedy: 'Keep it in FP32.',
  }),
};
