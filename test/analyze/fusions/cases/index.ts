import type { Case } from './case';
import { CONV } from './conv';
import { ADD } from './conv-add';
import { GELU } from './gelu';
import { MATMUL } from './matmul';
import { NORM } from './normalization';
import { ONE_HOT } from './one-hot';
import { PAD } from './pad';
import { QDQ } from './qdq';

/** Small graphs of every pattern. */
export const CASES: Case[] = [
  ...[...CONV, ...ADD, ...PAD, ...MATMUL, ...NORM, ...GELU, ...QDQ],
  ...ONE_HOT,
];
