import type { ExistingRange } from '../../src/protocol';
import type { Phrase } from '../l10n/phrase';
import { formula, significant } from './format';

/** How many tensors of a role a file has in codes, in the order of {@link ROLES}. */
export interface RoleCount {
  role: ExistingRange['role'];
  n: number;
}

const ROLES = ['activation', 'weight', 'bias'] as const;

/** Tensors by role; roles that do not occur are left out. */
export function rolesOf(tensors: readonly ExistingRange[]): RoleCount[] {
  return ROLES.map((role) => ({
    role,
    n: tensors.filter((one) => one.role === role).length,
  })).filter(({ n }) => n > 0);
}

/**
 * What the codes of a tensor mean: a formula where one scale serves all, else how many scales there are and between
 * what, else that they are found while the model runs.
 */
export function meaningOf(tensor: ExistingRange): string | Phrase {
  const { scale, scales, zeroPoint, axis, blockSize } = tensor;
  if (scale !== null) return formula(scale, zeroPoint ?? 0);
  if (!scales) return ['existing.whileRunning'];
  const low = significant(scales.min);
  const high = significant(scales.max);
  const n = scales.count;
  if (blockSize !== null) return ['existing.blocks', { n, size: blockSize, low, high }];
  return axis === null
    ? ['ranges.scales', { n, low, high }]
    : ['existing.axis', { n, axis, low, high }];
}

/** The values between the lowest and the highest code; empty where they are not known. */
export function boundsOf({ min, max }: ExistingRange): string {
  return min === null || max === null ? '' : `${significant(min)} … ${significant(max)}`;
}
