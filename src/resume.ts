/** How a computation in steps is gone on with where it was cut off. */

/**
 * What a computation keeps of itself. One that begins with `before` comes to the very same result as one that was never cut off:
 * sums go on from their own bits.
 */
export interface Resume<S> {
  /** What an earlier attempt at the same kept last; null where there was none. */
  readonly before: S | null;
  /** Called after every step. @param state asked for where it is time to keep it, and no further than this call lasts */
  step(state: () => S): void | Promise<void>;
}
