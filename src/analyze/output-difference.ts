import { floatsOf, perSample } from '../data';
import { ClosenessAccumulator } from '../numeric';
import type { TensorValue } from '../onnx';
import { isScores } from './evaluate';

type Values = Readonly<Record<string, TensorValue>>;

/** How two runs of a model differ at its outputs, over as many samples as are added. */
export class OutputDifference {
  private readonly sums = new Map<string, ClosenessAccumulator>();
  private readonly same: number[] = [];

  /** @param first the output whose labels are compared, where it holds scores */
  constructor(private readonly first: string) {}

  /** Adds a sample; float outputs of the same length are compared. */
  add(exact: Values, got: Values): void {
    for (const [name, value] of Object.entries(exact)) {
      const [a, b] = [floatsOf(value), floatsOf(got[name])];
      if (!a || !b || a.length !== b.length) continue;
      this.sums.set(name, (this.sums.get(name) ?? new ClosenessAccumulator()).add(a, b));
    }
    const [reference, output] = [exact[this.first], got[this.first]];
    if (reference && output && isScores(reference))
      this.same.push(perSample('agreement', { output, label: null, reference }));
  }

  /** Closeness of every output by name. */
  get outputs(): [name: string, closeness: ClosenessAccumulator][] {
    return [...this.sums];
  }

  /** Share of samples with the same label; null where the first output holds no scores. */
  get sameLabel(): number | null {
    const { length } = this.same;
    return length > 0 ? this.same.reduce((a, b) => a + b, 0) / length : null;
  }
}
