/** Numbers of a tensor, one for each index of an axis: powers, or gains of noise. */

/** One number for the whole tensor (`axis` null), or one for every index of an axis. */
export interface Field {
  axis: number | null;
  values: Float64Array;
}

/** The same number everywhere. */
export const even = (value: number): Field => ({ axis: null, values: Float64Array.of(value) });

/** A field along an axis of a tensor. */
export const along = (axis: number, values: ArrayLike<number>): Field => ({
  axis,
  values: Float64Array.from(values),
});

/** The mean over the tensor. */
export function mean({ values }: Field): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** The field's numbers for every index of an axis; the mean for each where it lies along another one. */
export function valuesAlong(field: Field, axis: number, count: number): Float64Array {
  if (field.axis === axis && field.values.length === count) return field.values;
  return new Float64Array(count).fill(mean(field));
}

/** Both combined number by number, along an axis of either. */
export function combine(a: Field, b: Field, by: (a: number, b: number) => number): Field {
  const lead = a.axis === null ? b : a;
  if (lead.axis === null) return even(by(a.values[0]!, b.values[0]!));
  const count = lead.values.length;
  const [x, y] = [valuesAlong(a, lead.axis, count), valuesAlong(b, lead.axis, count)];
  return along(
    lead.axis,
    x.map((v, i) => by(v, y[i]!)),
  );
}

export const sum = (a: Field, b: Field): Field => combine(a, b, (x, y) => x + y);
export const product = (a: Field, b: Field): Field => combine(a, b, (x, y) => x * y);

export const map = (field: Field, by: (v: number) => number): Field => ({
  axis: field.axis,
  values: field.values.map(by),
});

export const scaled = (field: Field, by: number): Field => map(field, (v) => v * by);

/**
 * The field of a tensor that holds the same values in another shape. An axis is found again where as many values stand
 * before it and it is as long; else the mean is left.
 */
export function reshaped(field: Field, from: readonly number[], to: readonly number[]): Field {
  if (field.axis === null) return field;
  const before = size(from.slice(0, field.axis));
  for (let axis = 0; axis < to.length; axis++)
    if (to[axis] === from[field.axis] && size(to.slice(0, axis)) === before)
      return { axis, values: field.values };
  return even(mean(field));
}

/** Count of values of a shape. */
export const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
