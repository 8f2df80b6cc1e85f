import type { TargetColumn } from './types';

/** What the target `tensorrt` makes of each operator; one that is missing here runs in float there. */
export const TENSORRT: TargetColumn = {};
