/** Pair sums of x86 processors without VNNI: what can clip, and what clips. */
export * from './kernels';
export * from './simulate';
export * from './weights';
