import type { Feed, SlicedGraph, TensorValue } from '../onnx';
import { openModel } from '../runtime/open-model';

/** The exact tensors that cross one cut, for every sample; it moves on through the graph. */
export class PrefixWalk {
  private cut = 0;
  private values: Record<string, TensorValue>[];
  /** True where samples differ in shape. */
  readonly ragged: boolean;

  constructor(
    readonly sliced: SlicedGraph,
    feeds: readonly Feed[],
  ) {
    this.values = feeds.map((feed) => ({ ...feed }));
    const shape = (feed: Feed) => JSON.stringify(Object.entries(feed).map(([n, v]) => [n, v.dims]));
    this.ragged = feeds.some((feed) => shape(feed) !== shape(feeds[0]!));
  }

  /** What crosses `cut`, which is not before where the walk is. */
  async to(cut: number): Promise<Record<string, TensorValue>[]> {
    if (cut > this.cut) {
      const { sliced } = this;
      const wanted = this.writtenBefore(cut);
      const session = await openModel(
        sliced.slice(this.cut, cut, wanted, this.values[0]!, this.ragged),
      );
      try {
        for (const [i, values] of this.values.entries())
          this.pass(i, cut, await session.run(values, wanted));
      } finally {
        await session.release();
      }
      this.cut = cut;
    }
    return this.values;
  }

  /** Of what crosses `cut`, what is written between the walk's place and there. */
  writtenBefore(cut: number): string[] {
    const have = new Set(Object.keys(this.values[0] ?? {}));
    return this.sliced.frontier(cut).filter((name) => !have.has(name));
  }

  /** Takes a sample's values over to `cut`. */
  pass(sample: number, cut: number, written: Record<string, TensorValue>): void {
    const all = { ...this.values[sample]!, ...written };
    const crossing = this.sliced.frontier(cut).filter((name) => all[name]);
    this.values[sample] = Object.fromEntries(crossing.map((name) => [name, all[name]!]));
  }

  /** A sample's values where it is. */
  at(sample: number): Record<string, TensorValue> {
    return this.values[sample]!;
  }

  /** Says that all samples have been taken to `cut`. */
  arrived(cut: number): void {
    this.cut = cut;
  }
}
