import type { NodeProto } from '../../onnx';
import type { Workshop } from './workshop';

/**
 * Writes what stands for a node in floats, and tells the workshop which codes or names it settles. False where it cannot:
 * the node stays, and gets the codes that it reads.
 */
export type Rule = (node: NodeProto, w: Workshop) => boolean;
