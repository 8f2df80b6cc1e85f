/** What calibration and the thread of its statistics say to each other. Tensors change hands without being copied. */
import type { Depth, StatisticsData } from './statistics';
import type { SamplePart, SampleRange } from './statistics-collector';

/** Given to the thread when it starts. */
export interface ThreadData {
  tensors: readonly string[];
  /** Statistics to go on with, in the order of the tensors. */
  before: readonly StatisticsData[] | null;
  depth: Depth;
}

export type ToThread =
  { kind: 'sample'; position: number; parts: (SamplePart | SampleRange)[] } | { kind: 'snapshot' };

export type FromThread = { kind: 'done' } | { kind: 'snapshot'; data: StatisticsData[] };
