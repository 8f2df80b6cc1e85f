import type { NodeProto } from '../../onnx';

/** Families of targets that execute operators by one set of rules. `cpu` is onnxruntime's CPU provider. */
export type TargetFamily = 'cpu' | 'tensorrt' | 'fpga-fixed' | 'onnx';

/**
 * What one layer with the operator is: `alone`: the node; `activation`: with the Relu or Clip behind it; `bias`: also
 * with the Add of a constant before that; `moves`: no layer, it moves, views or chooses values.
 */
export type UnitKind = 'alone' | 'activation' | 'bias' | 'moves';

/** Axis of a weight's output channels: a number, the last one, or by an attribute. */
export type WeightAxis = 0 | 1 | 'last' | 'transB' | null;

/** What an operator is to every target: its unit and what of it can be quantized. */
export interface OperatorRow {
  op: string;
  /** ONNX's own domain is ''. */
  domain: string;
  unit: UnitKind;
  /** Input slots that hold activations; `all` where their number is open. */
  activations: readonly number[] | 'all';
  /** Slot of the constant weight and its output-channel axis, where the operator has one. */
  weight: { slot: number; axis: WeightAxis } | null;
  /** Slot of the bias, int32 with `s = s_x · s_w`, where the operator has one. */
  bias: number | null;
  /** First opset that has the operator (of its own domain). */
  since: number;
}

/** Something that must be true of a node for a rule to hold. */
export interface NodeCondition {
  /** Completes "only where …". */
  says: string;
  /** The reason of a node for which it is not true. */
  otherwise: string;
  holds(node: NodeProto): boolean;
}

/** Types of activations for which an integer kernel runs; `int8` on x86 is by the runtime's own conversion to uint8. */
export type ActivationTypes = readonly ('uint8' | 'int8')[];

/**
 * How a target treats an operator.
 * `weight`: an integer kernel with a weight; `elementwise`: an integer kernel whose result has a scale of its own;
 * `passthrough`: moves codes, the result has the input's scale; `apart`: its matrix products run in integers once it is
 * taken apart, the rest of it in float; `float`: runs in float whatever the file says.
 */
export type TargetRule = IntegerRule | FloatRule;

export interface IntegerRule {
  form: 'weight' | 'elementwise' | 'passthrough' | 'apart';
  /** What executes it, e.g. `QLinearConv`; null where it executes as it is, on codes. */
  kernel: string | null;
  /** The kernel writes float too, so a result that nobody needs in INT8 stays float. */
  floatOutput?: boolean;
  /** Cheap at the end of a graph: only worth integers where an integer layer reads the result. */
  onlyIfNeeded?: boolean;
  /** The rule holds only for nodes of which all of this is true; others run in float. */
  only?: readonly NodeCondition[];
  /** Why the operator stays float by default although it has a kernel; `layers:` can say otherwise. */
  floatByDefault?: string;
}

export interface FloatRule {
  form: 'float';
  /** In a sentence, for people. */
  reason: string;
}

/** Rules of one target by operator; the key is `domain.op` outside ONNX's own domain. */
export type TargetColumn = Readonly<Record<string, TargetRule>>;
