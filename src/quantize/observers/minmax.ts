import type { Observer } from './observer';

/** Extremes over all samples. */
export const minmax: Observer = ({ min, max }) => ({ min, max });
