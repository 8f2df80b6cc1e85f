import { GraphIndex, type Model } from '../../onnx';
import { BoundsRules, type Bounds } from './bounds';

/** Proven for this much more than what was seen, so that a proof need not be made again for every sample. */
const MARGIN = 4;
/** An input that is not float32 is an integer or a truth value of 64 bits at most. */
const ANY_INTEGER: Bounds = { low: -(2 ** 64), high: 2 ** 64 };
/** What every tensor is taken to hold where operators alone are judged. */
const TYPICAL = 100;

/**
 * Shows that tensors of a network hold no NaN and no infinity from nothing but the largest magnitude of each, which
 * GlobalMaxPool and ReduceMax find even though they pass over NaNs: the inputs are finite (they are looked at), an
 * operator whose inputs are finite and bounded gives results that are finite and bounded (see {@link BoundsRules}), and so on
 * in the order of the graph. Nothing has to be computed in the model for it.
 */
export class FiniteProof {
  /** Measured tensors of which the graph says nothing, its inputs among them: they have to be looked at value by value. */
  readonly unprovable: ReadonlySet<string>;
  private readonly rules: BoundsRules;
  private readonly measured: ReadonlySet<string>;
  private proven = new Map<string, number>();

  /** @param measured tensors whose largest magnitude will be known; float32 inputs of the model must be among them */
  constructor(
    private readonly model: Model,
    measured: readonly string[],
  ) {
    this.rules = new BoundsRules(new GraphIndex(model.graph), model.dir);
    this.measured = new Set(measured);
    const inputs = model.graph.input.map((v) => v.name);
    const unprovable = new Set(inputs.filter((name) => this.measured.has(name)));
    this.walk(
      () => TYPICAL,
      (tensor) => void unprovable.add(tensor),
    );
    this.unprovable = unprovable;
  }

  /**
   * True if all measured tensors are finite for certain, given the largest magnitude of each that was seen.
   * @param magnitudeOf infinite where an infinity was seen
   */
  holds(magnitudeOf: (tensor: string) => number): boolean {
    let within = true;
    for (const tensor of this.measured)
      within &&= magnitudeOf(tensor) <= (this.proven.get(tensor) ?? -1);
    if (within) return true;
    for (const margin of [MARGIN, 1]) {
      const magnitudes = new Map(
        [...this.measured].map((tensor) => [
          tensor,
          Math.max(margin * magnitudeOf(tensor), this.proven.get(tensor) ?? 0),
        ]),
      );
      let certain = [...magnitudes.values()].every((m) => m < Infinity);
      this.walk(
        (tensor) => magnitudes.get(tensor)!,
        (tensor) => (certain &&= this.unprovable.has(tensor)),
      );
      if (!certain) continue;
      this.proven = magnitudes;
      return true;
    }
    return false;
  }

  /** Goes through the graph; tells of every measured tensor whose operator says nothing of it. */
  private walk(magnitudeOf: (tensor: string) => number, tell: (tensor: string) => void): void {
    const known = new Map<string, Bounds | null>();
    const seen = (name: string): Bounds => {
      const m = magnitudeOf(name);
      return { low: -m, high: m };
    };
    for (const { name } of this.model.graph.input)
      known.set(name, this.measured.has(name) ? seen(name) : ANY_INTEGER);
    const boundsOf = (tensor: string) => known.get(tensor) ?? null;
    for (const node of this.model.graph.node) {
      const bounds = this.rules.of(node, boundsOf);
      for (const output of node.output) {
        if (!this.measured.has(output)) known.set(output, bounds);
        else if (bounds) {
          const { low, high } = seen(output);
          known.set(output, {
            low: Math.min(Math.max(low, bounds.low), high),
            high: Math.max(Math.min(high, bounds.high), low),
          });
        } else {
          tell(output);
          known.set(output, seen(output));
        }
      }
    }
  }
}
