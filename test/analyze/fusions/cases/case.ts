import type { FusionBlockerCode, FusionPatternName } from '../../../../src/results';
import { IMAGE, n, TOKENS, type Small } from '../build';

/** A small graph, and what is to be said of one pattern in it: `will`, or the code of what blocks it. */
export type Case = [
  pattern: FusionPatternName,
  what: string,
  says: 'will' | FusionBlockerCode,
  model: Small,
];

export const image = { x: IMAGE, r: IMAGE };
export const tokens = { x: TOKENS, r: TOKENS };
export const conv = (input = 'x', output = 'a', weights = 'w wb') =>
  n('Conv', `${input} ${weights}`, output, { pads: [1, 1, 1, 1] });
export const bn = (input: string, output: string) =>
  n('BatchNormalization', `${input} bn.gamma bn.beta bn.mean bn.variance`, output);
export const c = (nodes: Small['nodes'], more: Partial<Small> = {}): Small => ({
  nodes,
  inputs: image,
  ...more,
});
export const t = (nodes: Small['nodes'], more: Partial<Small> = {}): Small => ({
  nodes,
  inputs: tokens,
  ...more,
});
