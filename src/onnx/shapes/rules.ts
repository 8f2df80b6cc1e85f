/** Which rule infers which operator. */
import { isDefaultDomain } from '../model';
import type { NodeProto } from '../schema';
import { attentionRules } from './attention';
import { elementwiseRules } from './elementwise';
import { layoutRules } from './layout';
import { makeRules } from './make';
import { matmulRules } from './matmul';
import { normalizationRules } from './normalization';
import { quantizeRules } from './quantize';
import { recurrentRules } from './recurrent';
import { reduceRules } from './reduce';
import { resizeRules } from './resize';
import { selectRules } from './select';
import type { Rule } from './types';
import { windowRules } from './windows';

/** By operator; other domains are a prefix. */
export const RULES: Readonly<Record<string, Rule>> = {
  ...attentionRules,
  ...elementwiseRules,
  ...layoutRules,
  ...makeRules,
  ...matmulRules,
  ...normalizationRules,
  ...quantizeRules,
  ...recurrentRules,
  ...reduceRules,
  ...resizeRules,
  ...selectRules,
  ...windowRules,
};

/** The rule of a node, if its operator has one. */
export function ruleOf(node: NodeProto): Rule | undefined {
  const key = isDefaultDomain(node.domain) ? node.opType : `${node.domain}:${node.opType}`;
  return Object.hasOwn(RULES, key) ? RULES[key] : undefined;
}
