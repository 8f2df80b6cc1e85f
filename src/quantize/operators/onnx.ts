import type { TargetColumn } from './types';

/** What the target `onnx` makes of each operator; one that is missing here runs in float there. */
export const ONNX: TargetColumn = {};
