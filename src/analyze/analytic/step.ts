/** What carrying a gain back through a node is told. */
import type { NodeProto } from '../../onnx';
import type { Field } from './field';
import type { Net } from './net';
import type { PowerOf } from './power';
import type { Sketch, Sketcher } from './sketch';
import type { SpreadOf } from './spread';

/** What is asked when a gain is carried back. */
export interface Known {
  net: Net;
  powerOf: PowerOf;
  spreadOf: SpreadOf;
  sketcher: Sketcher;
}

/** A node's input and result as gains are carried back. */
export interface Step {
  node: NodeProto;
  slot: number;
  output: string;
  from: readonly number[];
  to: readonly number[];
  /** Results for each value of the input. */
  ratio: number;
  coherent: number;
}

/** A gain by channel, and where it is known how channels go together, that. */
export interface Gain {
  field: Field;
  sketch: Sketch | null;
  /** Channels do not go together yet: the field is exact, and the sketch no more than an estimate of it. */
  diagonal?: boolean;
}
