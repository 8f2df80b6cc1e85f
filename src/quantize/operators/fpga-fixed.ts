import type { TargetColumn } from './types';

/** What the target `fpga-fixed` makes of each operator; one that is missing here runs in float there. */
export const FPGA_FIXED: TargetColumn = {};
