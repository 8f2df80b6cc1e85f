/** What the columns of the table are written with. */
import type { FloatRule } from './types';

/** An operator that stays float, and why. */
export const float = (reason: string): FloatRule => ({ form: 'float', reason });

/** The same rule for several operators, which are named with spaces between them. */
export const all = <T>(names: string, rule: (op: string) => T): Record<string, T> =>
  Object.fromEntries(names.split(' ').map((op) => [op, rule(op)]));
