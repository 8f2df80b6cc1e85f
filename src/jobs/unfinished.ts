/** Work that takes longer than a second, kept beside the recipe so that a worker which is killed loses no more than that. */
import type { Resume } from '../resume';
import type { Store } from './store';

/** Thrown by {@link Unfinished.step} once the store's time is over: the state is kept, and the next attempt goes on from it. */
export class TimeOver extends Error {
  constructor() {
    super('The time is over; what was computed is kept.');
  }
}

/**
 * The state of a computation under way, stored as the document `name` whenever {@link Store.saveEveryMs} of work went by since
 * it was: that of the last step, since nothing in the middle of a step can be kept.
 */
export class Unfinished<S> implements Resume<S> {
  private saved = Date.now();

  private constructor(
    private readonly store: Store,
    private readonly name: string,
    readonly before: S | null,
  ) {}

  /** @param kind what is computed, in small letters; @param key all that the result depends on, as `keyOf` gives it */
  static async open<S>(store: Store, kind: string, key: string): Promise<Unfinished<S>> {
    const name = `${kind}-part.${key}`;
    return new Unfinished(store, name, await store.readState<S>(name));
  }

  /** Throws {@link TimeOver} where the store says so. */
  async step(state: () => S): Promise<void> {
    if (this.store.over?.()) {
      await this.keep(state());
      throw new TimeOver();
    }
    if (Date.now() - this.saved < this.store.saveEveryMs) return;
    await this.keep(state());
    // storing is no work that could be lost
    this.saved = Date.now();
  }

  /** Stores the state at once, for those who know themselves when it is time. */
  async keep(state: S): Promise<void> {
    await this.store.writeState(this.name, state);
  }

  /** Removes what was stored: the result is there, or stored elsewhere. */
  async finish(): Promise<void> {
    await this.store.removeState(this.name);
  }
}

/** The same, telling after every step how many there are with those of `before`. */
export function counted<S>(
  resume: Resume<S>,
  before: number,
  onStep: (done: number) => Promise<void> | undefined,
): Resume<S> {
  let done = before;
  return {
    before: resume.before,
    step: async (state) => {
      await resume.step(state);
      await onStep(++done);
    },
  };
}

/** Removes what is left of a kind where all of it is done: a worker may have been killed before it could. */
export function forgetUnfinished(store: Store, kind: string): Promise<void> {
  return store.removeStates(`${kind}-part`);
}

/**
 * A result by the key of all that it depends on: the stored one, or one that is found now, from where an earlier attempt was cut
 * off. It is stored bit by bit ({@link Store.writeState}).
 */
export async function findOnce<R, S>(
  store: Store,
  kind: string,
  key: string,
  find: (resume: Resume<S>) => Promise<R>,
): Promise<R> {
  const name = `${kind}.${key}`;
  const known = await store.readState<R>(name);
  const part = await Unfinished.open<S>(store, kind, key);
  const found = known ?? (await find(part));
  if (known === null) await store.writeState(name, found);
  // a worker may have been killed between the two
  await part.finish();
  return found;
}
