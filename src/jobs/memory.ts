/** What the worker remembers between requests: the last few values of each kind, by content key. */
export class Memory {
  private readonly kinds = new Map<string, Map<string, Promise<unknown>>>();
  private readonly endings = new WeakMap<Promise<unknown>, () => void>();

  /** @param keep values kept per kind; older ones are forgotten */
  constructor(private readonly keep = 3) {}

  /**
   * The remembered value, or a new one. A failed attempt is not remembered.
   * @param release gives back what a forgotten value holds outside of the engine's memory
   */
  get<T>(
    kind: string,
    key: string,
    make: () => Promise<T>,
    release?: (value: T) => Promise<void>,
  ): Promise<T> {
    let values = this.kinds.get(kind);
    if (!values) this.kinds.set(kind, (values = new Map<string, Promise<unknown>>()));
    const known = values.get(key) as Promise<T> | undefined;
    if (known) {
      // Used again: it becomes the youngest.
      values.delete(key);
      values.set(key, known);
      return known;
    }
    const fresh = make();
    values.set(key, fresh);
    fresh.catch(() => values.delete(key));
    // Nobody waits for it: an attempt that failed holds nothing and has told its caller, and what cannot be given back
    // must not end the worker.
    if (release) this.endings.set(fresh, () => void fresh.then(release).catch(() => undefined));
    for (const [old, value] of values) {
      if (values.size <= this.keep) break;
      values.delete(old);
      this.endings.get(value)?.();
    }
    return fresh;
  }

  /** True if a value is there. */
  has(kind: string, key: string): boolean {
    return this.kinds.get(kind)?.has(key) ?? false;
  }
}
