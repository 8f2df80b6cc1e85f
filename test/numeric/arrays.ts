import fc from '../lib/property';

/** Any float32, the odd ones included. */
export const anyFloat = fc.float();
/** Finite floats of a size that sums keep. */
export const tameFloat = fc.float({ min: Math.fround(-1e6), max: Math.fround(1e6), noNaN: true });

/** Arrays of such floats. */
export const anyFloats = fc.float32Array({ maxLength: 200 });
export const tameFloats = fc.array(tameFloat, { maxLength: 200 }).map((x) => Float32Array.from(x));
