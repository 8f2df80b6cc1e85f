/**
 * The table of fusions: what can run as one, who makes it, and what may be in the way. The engine, the documentation
 * page and the tests read nothing else.
 */
import { attention } from './patterns/attention';
import { conv } from './patterns/conv';
import { convAdd } from './patterns/conv-add';
import { biasGelu, gelu } from './patterns/gelu';
import { layerNorm } from './patterns/layer-norm';
import { gemmActivation, matmulAdd, transposeMatmul } from './patterns/matmul';
import { matmulScale } from './patterns/matmul-scale';
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
  convAdd,
  redundantPair,
  integerUnit,
];
