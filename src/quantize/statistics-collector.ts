import { StatisticsKernel } from '../numeric';
import { TensorStatistics, type Depth, type StatisticsData } from './statistics';

/** What one sample has of one tensor. */
export interface SamplePart {
  /** Index among the tensors of the collector. */
  tensor: number;
  dims: readonly number[];
  data: Float32Array;
}

/** The extremes that one sample has of one tensor; all of its values are finite. */
export interface SampleRange {
  tensor: number;
  dims: readonly number[];
  min: number;
  max: number;
}

/** Gathers statistics of a fixed list of tensors, sample by sample. */
export class StatisticsCollector {
  private readonly statistics: TensorStatistics[];
  private readonly kernel: StatisticsKernel;

  /** @param before statistics to go on with, in the same order as `tensors` */
  constructor(
    tensors: readonly string[],
    before: readonly StatisticsData[] | null = null,
    depth: Depth = 'full',
  ) {
    this.statistics = tensors.map((name, i) =>
      before?.[i] ? TensorStatistics.fromData(before[i]) : new TensorStatistics(name, depth),
    );
    this.kernel = new StatisticsKernel(this.statistics.map((s) => s.histogram));
  }

  /** Adds some tensors of the sample at a position of the data. */
  add(position: number, parts: readonly (SamplePart | SampleRange)[]): void {
    for (const part of parts) {
      const { tensor, dims } = part;
      const statistics = this.statistics[tensor]!;
      if (!('data' in part)) {
        const { min, max } = part;
        const range = { min, max, nan: 0, infinite: 0, channels: null };
        statistics.absorbRange(range, dims, position);
        continue;
      }
      const found = this.kernel.add(tensor, part.data, dims, statistics.channelAxis(dims));
      if (statistics.depth === 'full') statistics.absorb(found, dims, position);
      else statistics.absorbRange(found, dims, position);
    }
  }

  /** All that was gathered so far. */
  snapshot(): StatisticsData[] {
    return this.statistics.map((s, i) => {
      this.kernel.drain(i);
      return s.toData();
    });
  }
}
