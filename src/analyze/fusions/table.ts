/**
 * The table of fusions: what can run as one, who makes it, and what may be in the way. The engine, the documentation
 * page and the tests read nothing else.
 */
import type { FusionPatternName } from '../../results';
import { attention } from './patterns/attention';
import { conv } from './patterns/conv';
import { convAdd } from './patterns/conv-add';
import { biasGelu, gelu } from './patterns/gelu';
import { layerNorm } from './patterns/layer-norm';
import { gemmActivation, matmulAdd, transposeMatmul } from './patterns/matmul';
import { matmulScale } from './patterns/matmul-scale';
import { oneHot } from './patterns/one-hot';
import { pad } from './patterns/pad';
import { integerUnit, redundantPair } from './patterns/qdq';
import { skipLayerNorm } from './patterns/skip-layer-norm';
import { transposes } from './patterns/transposes';
import type { FusionPattern } from './types';

/** In the order in which they are looked for: what an earlier one takes, a later one does not. */
export const FUSIONS: readonly FusionPattern[] = [
  pad,
  conv,
  layerNorm,
  matmulAdd,
  gelu,
  biasGelu,
  gemmActivation,
  attention,
  skipLayerNorm,
  transposes,
  transposeMatmul,
  matmulScale,
  oneHot,
  convAdd,
  redundantPair,
  integerUnit,
];

/** True for what the runtime never does by itself: a pass of ours alone makes one of it. */
export function byPassAlone(name: FusionPatternName): boolean {
  const row = FUSIONS.find((each) => each.name === name || each.also?.includes(name));
  return row !== undefined && !row.by.some(({ who }) => who === 'runtime');
}
