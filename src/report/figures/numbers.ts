/**
 * Numbers as people read them: one decimal for dB and ×, three significant digits otherwise. `null` is
 * *not measured* and reads as a dash in a table.
 */
export const notMeasured = '–';

type Measured = number | null | undefined;

function known(value: Measured): value is number {
  return value !== null && value !== undefined && !Number.isNaN(value);
}

/** A number of things, in the singular where it is one. */
export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** Decibels without their unit, e.g. `31.2`; the cap of 150 dB reads `exact`. */
export function db(value: Measured): string {
  if (!known(value)) return notMeasured;
  return value >= 150 ? 'exact' : value.toFixed(1);
}

/** Decibels with their unit, e.g. `31.2 dB`; the cap reads `exact`. */
export function decibels(value: Measured): string {
  return known(value) && value < 150 ? `${db(value)} dB` : db(value);
}

/** A ratio with its sign, e.g. `1.9 ×`. */
export function times(value: Measured): string {
  return known(value) ? `${value < 1 ? value.toFixed(2) : value.toFixed(1)} ×` : notMeasured;
}

/** A ratio with its interval, to as many decimals as tell its ends from the middle and from 1, but at most three. */
export function timesWithin(value: number, low: number, high: number): string {
  const all = [...new Set([low, value, high, 1])];
  const apart = (digits: number) => new Set(all.map((x) => x.toFixed(digits))).size === all.length;
  const fewest = Math.min(low, value) < 1 ? 2 : 1;
  const digits = [fewest, 2].find(apart) ?? 3;
  const [middle, from, to] = [value, low, high].map((x) => `${x.toFixed(digits)} ×`);
  return `${middle} (${from} … ${to})`;
}

/** Three significant digits, without an exponent between 1e-4 and 1e6. */
export function significant(value: Measured): string {
  if (!known(value)) return notMeasured;
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return minus(value.toExponential(2));
  if (size >= 1000) return minus(value.toFixed(0));
  return minus(String(Number(value.toPrecision(3))));
}

/** A share 0…1 as percent, e.g. `26.7 %`. */
export function percent(value: Measured): string {
  return known(value) ? `${significant(value * 100)} %` : notMeasured;
}

/** Bytes with a decimal unit, e.g. `1.21 MB`. */
export function bytes(value: Measured): string {
  if (!known(value)) return notMeasured;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${significant(value / 1000 ** step)} ${units[step]}`;
}

/** Counts in thousands, millions …, e.g. `1.24 M`. */
export function count(value: Measured): string {
  if (!known(value)) return notMeasured;
  const units = ['', ' k', ' M', ' G', ' T'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${significant(value / 1000 ** step)}${units[step]}`;
}

/** Milliseconds with their unit. */
export function ms(value: Measured): string {
  return known(value) ? `${significant(value)} ms` : notMeasured;
}

/** A true minus sign, so that columns of numbers line up. */
function minus(text: string): string {
  return text.replace('-', '−');
}
