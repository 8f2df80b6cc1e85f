import { floatsOf, perSample } from '../data';
import { ClosenessAccumulator, type ClosenessData } from '../numeric';
import type { TensorValue } from '../onnx';
import { isScores } from './evaluate';

type Values = Readonly<Record<string, TensorValue>>;

/** {@link OutputDifference} as plain data: sums by output, and for each sample whether its label is the same. */
export interface OutputDifferenceData {
  sums: [string, ClosenessData][];
  same: number[];
}

/** How two runs of a model differ at its outputs, over as many samples as are added. */
export class OutputDifference {
  private readonly sums = new Map<string, ClosenessAccumulator>();
  private readonly same: number[];

  /**
   * @param first the output whose labels are compared, where it holds scores
   * @param before what was added to another one ({@link toData}): this one goes on from there
   */
  constructor(
    private readonly first: string,
    before: OutputDifferenceData = { sums: [], same: [] },
  ) {
    for (const [name, data] of before.sums)
      this.sums.set(name, ClosenessAccumulator.fromData(data));
    this.same = [...before.same];
  }

  toData(): OutputDifferenceData {
    const { same } = this;
    return { sums: [...this.sums].map(([name, sum]) => [name, sum.toData()]), same };
  }

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
