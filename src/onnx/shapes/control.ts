/** If, Loop and Scan: what holds on every way through them. */
import type { GraphProto } from '../schema';
import { axisOf, UNKNOWN, value, type Dim, type RuleNode, type Value } from './types';

/** Infers a body with what is known of its inputs; returns its outputs. */
export type InferBody = (graph: GraphProto, inputs: readonly Value[]) => Value[];

export function controlFlow(n: RuleNode, infer: InferBody): Value[] {
  if (n.node.opType === 'If') return branches(n, infer);
  return n.node.opType === 'Loop' ? loop(n, infer) : scan(n, infer);
}

/** What both tensors have in common. */
function common(a: Value, b: Value): Value {
  const type = a.type === b.type ? a.type : 'undefined';
  if (a.shape?.length !== b.shape?.length || !a.shape) return value(type, null);
  const shape = a.shape.map((d, i) => (d === b.shape![i] ? d : null));
  return value(type, shape);
}

function branches(n: RuleNode, infer: InferBody): Value[] {
  const [yes, no] = ['then_branch', 'else_branch'].map((name) => {
    const body = n.attribute(name)?.g;
    return body ? infer(body, []) : [];
  }) as [Value[], Value[]];
  return yes.map((v, i) => common(v, no[i] ?? UNKNOWN));
}

/** https://onnx.ai/onnx/operators/onnx__Loop.html: states may change their shape from turn to turn. */
function loop(n: RuleNode, infer: InferBody): Value[] {
  const body = n.attribute('body')?.g;
  if (!body) return [];
  const states = n.inputs.slice(2);
  const inputs = [value('int64', []), value('bool', []), ...states.map((v) => value(v.type, null))];
  const outputs = infer(body, inputs).slice(1);
  return outputs.map((v, i) => {
    const initial = states[i];
    if (initial) return common(initial, value(initial.type, v.shape));
    return value(v.type, v.shape && [null, ...v.shape]);
  });
}

/** https://onnx.ai/onnx/operators/onnx__Scan.html (since 9): states keep their shape. */
function scan(n: RuleNode, infer: InferBody): Value[] {
  const body = n.attribute('body')?.g;
  if (!body) return [];
  const scanned = n.int('num_scan_inputs', 0);
  if (n.opset < 9) {
    infer(body, []);
    return [];
  }
  const count = n.inputs.length - scanned;
  const inAxes = n.ints('scan_input_axes') ?? [];
  const outAxes = n.ints('scan_output_axes') ?? [];
  let time: Dim = null;
  const slices = n.inputs.slice(count).map((v, i) => {
    if (!v.shape) return value(v.type, null);
    const axis = axisOf(inAxes[i] ?? 0, v.shape.length);
    time ??= v.shape[axis] ?? null;
    const shape = v.shape.filter((_, j) => j !== axis);
    return value(v.type, shape);
  });
  const states = n.inputs.slice(0, count).map((v) => value(v.type, v.shape));
  return infer(body, [...states, ...slices]).map((v, i) => {
    if (i < count) return value(v.type, v.shape ?? states[i]!.shape);
    if (!v.shape) return value(v.type, null);
    const axis = axisOf(outAxes[i - count] ?? 0, v.shape.length + 1);
    return value(v.type, [...v.shape.slice(0, axis), time, ...v.shape.slice(axis)]);
  });
}
