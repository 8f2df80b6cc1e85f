import type { Shape } from '../../src/protocol';

/** What stands for a value that was not measured, in a table. */
export const NONE = '·';
const MINUS = '−';

function minus(text: string): string {
  // −0.0 is 0.0 for a reader
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text.replace('-', MINUS);
}

/** A number with that many decimals and a real minus sign. */
export function fixed(value: number, digits: number): string {
  return minus(value.toFixed(digits));
}

/** A number with an explicit sign, for differences. */
export function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text;
}

/** Three significant digits, never in exponent form between 0.0001 and 10 million. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : `${MINUS}∞`;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4 || size >= 1e7) return minus(value.toExponential(digits - 1));
  // digits before the point are never rounded away
  if (size >= 10 ** digits) return minus(value.toFixed(0));
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return minus(rounded.toFixed(decimals));
}

/** Three significant digits without trailing zeros, for limits, legends and sentences. */
export function plain(value: number): string {
  const text = significant(value);
  return /\.\d*0+$/.test(text) ? text.replace(/\.?0+$/, '') : text;
}

/** Decibels with one decimal; 150 is the cap and means *equal*. */
export function db(value: number | null | undefined): string {
  if (value == null) return NONE;
  return value >= 150 ? '≥ 150' : fixed(value, 1);
}

/**
 * Decimals that a speed-up needs: one, but two near 1, where the verdict turns; beside its interval as many as tell the ends
 * from the middle and from 1, but at most three.
 */
export function timesDigits(value: number, low = value, high = value): number {
  const fewest = value < 1.2 ? 2 : 1;
  if (low === value && high === value) return fewest;
  const all = [...new Set([low, value, high, 1])];
  const apart = (digits: number) => new Set(all.map((x) => x.toFixed(digits))).size === all.length;
  return [fewest, 2].find(apart) ?? 3;
}

/** A share 0…1 as a percentage with three significant digits, without the sign `%`. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 100 || value === 0) return String(value);
  // 99.97 % must not read as 100 %: what is missing is the news
  if (value > 99.9 && value < 100) return minus((Math.floor(value * 100) / 100).toFixed(2));
  return value < 0.01 ? '< 0.01' : significant(value);
}

const BYTES: readonly [number, string][] = [
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
  [1, 'B'],
];

/** The unit in which sizes up to `max` bytes are written. */
export function byteUnit(max: number): readonly [number, string] {
  return BYTES.find(([size]) => max >= size) ?? [1, 'B'];
}

/** Bytes with a decimal unit. */
export function bytes(value: number): string {
  const [size, unit] = byteUnit(value);
  return `${size === 1 ? String(value) : significant(value / size)} ${unit}`;
}

const COUNTS: readonly [number, string][] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** The unit in which counts up to `max` are written: `['k', 'M', 'G']` or none. */
export function countUnit(max: number): readonly [number, string] {
  return COUNTS.find(([size]) => max >= size) ?? [1, ''];
}

/** A whole number in groups of three, e.g. `10,000`. */
export function whole(value: number): string {
  return value.toLocaleString('en');
}

/** A count with its unit. */
export function count(value: number): string {
  const [size, unit] = countUnit(value);
  return unit ? `${significant(value / size)} ${unit}` : String(value);
}

/** Dimensions without the batch axis, e.g. `32×56×56`. */
export function shape(dims: Shape | null | undefined): string {
  if (!dims?.length) return NONE;
  const inner = dims.length > 1 && (dims[0] === 1 || typeof dims[0] !== 'number');
  return (inner ? dims.slice(1) : dims).map((dim) => dim ?? '?').join('×');
}

/** What a quantized code means, e.g. `0.0235 · (q − 3)`. */
export function formula(scale: number, zeroPoint: number): string {
  const sign = zeroPoint < 0 ? '+' : MINUS;
  return `${significant(scale)} · (q ${sign} ${Math.abs(zeroPoint)})`;
}

/** Seconds as `9 s` or `1 min 20 s`. */
export function seconds(value: number): string {
  const whole = Math.max(0, Math.round(value));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Intra-op threads as a text to be written; 0 is the runtime's own choice. */
export function threads(n: number) {
  return n === 0 ? ({ text: 'threads.default' } as const) : ({ text: 'threads.n', n } as const);
}

/** The last part of a path: what people call the file. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}

/** A sentence of a result that begins small and ends without a stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What samples come from: the first of a list of files stands for all. */
export function sourceName(source: string): string {
  const [first, ...more] = source.split(', ');
  return more.length > 0 ? `${fileName(first!)} …` : source;
}

/** Milliseconds with three significant digits. */
export function ms(value: number): string {
  return `${significant(value)} ms`;
}
