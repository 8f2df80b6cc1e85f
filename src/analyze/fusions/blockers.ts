import type { NodeProto } from '../../onnx';
import type { FusionBlocker, FusionBlockerCode } from '../../results';
import type { FusionGraph } from './view';

/** What a blocker is about, beside its node. */
interface About {
  tensor?: string;
  op?: string;
  value?: string;
}

/** One kind of obstacle: what it means, for the documentation, why, and what would free it. */
interface Kind {
  says: string;
  reason(about: Required<About>, node: string): string;
  remedy: string;
}

/** Every kind of obstacle. The texts are in English here; views have them in other languages by code. */
export const BLOCKERS: Readonly<Record<FusionBlockerCode, Kind>> = {
  'second-reader': {
    says: 'a second node reads the value in between',
    reason: ({ op }, node) => `'${node}' also reads the value before ${op}`,
    remedy: 'Let that node read the result, or compute the value twice.',
  },
  'graph-output': {
    says: 'the value in between is an output of the model',
    reason: ({ op }) => `the value before ${op} is an output of the model`,
    remedy: 'Export the model without that output.',
  },
  'not-constant': {
    says: 'a parameter is computed while the model runs',
    reason: ({ tensor }) => `'${tensor}' is computed, not a constant`,
    remedy: 'Export the model in eval mode with its parameters as initializers.',
  },
  overridable: {
    says: 'a parameter is an initializer that is an input of the model too',
    reason: ({ tensor }) =>
      `'${tensor}' is an input of the model too, so the runtime takes it for no constant`,
    remedy: 'Take the initializers out of the inputs: quantizing does it.',
  },
  shape: {
    says: 'a shape does not fit the fused kernel',
    reason: ({ tensor, value }) => `'${tensor}' has the shape ${value}`,
    remedy: 'Give it the shape that the fused operator takes.',
  },
  'shape-unknown': {
    says: 'a shape is not known before the model runs',
    reason: ({ tensor }) => `the shape of '${tensor}' is not known before it runs`,
    remedy: 'Export the model with fixed input sizes.',
  },
  opset: {
    says: 'the operator is of an opset that the fusion does not know',
    reason: ({ op, value }) => `the fusion does not know ${op} of opset ${value}`,
    remedy: 'Export the model for another opset.',
  },
  attribute: {
    says: 'an attribute or axis has another value than the fused kernel takes',
    reason: ({ value }) => `its ${value}`,
    remedy: 'Change it in the source of the model, if it may be another.',
  },
  'qdq-between': {
    says: 'a QuantizeLinear → DequantizeLinear pair stands in between',
    reason: () => 'a QuantizeLinear and a DequantizeLinear stand in between',
    remedy: 'Quantize behind the last of the nodes only.',
  },
  type: {
    says: 'the values are of a type that the fused kernel does not take',
    reason: ({ tensor, value }) => `'${tensor}' is ${value}`,
    remedy: 'Keep this part in float32.',
  },
  provider: {
    says: 'the CPU provider has no kernel for it',
    reason: ({ op }) => `onnxruntime has no fused kernel for ${op} on CPU`,
    remedy: 'Use an operator that has one, or another provider.',
  },
  layout: {
    says: 'a value does not come in the layout that convolutions work in',
    reason: ({ op, tensor }) =>
      op === ''
        ? `'${tensor}' does not come in the layout that convolutions work in`
        : `${op} does not leave its result in the layout that convolutions work in`,
    remedy: 'Let another convolution, pool or activation make the other operand.',
  },
  'no-bias': {
    says: 'the Conv has no bias, which the fused kernel wants',
    reason: () => 'it has no bias, and outside the blocked layout the fused kernel wants one',
    remedy: 'Give the Conv a bias, if only of zeros.',
  },
  'same-value': {
    says: 'both inputs are the same value',
    reason: () => 'both of its inputs are the same value',
    remedy: 'Multiply by 2 instead.',
  },
  form: {
    says: 'it is written in another form or order than the runtime looks for',
    reason: ({ value }) => value,
    remedy: 'Export it in the form that the documentation shows.',
  },
  parameters: {
    says: 'scales, zero points or types of both sides differ',
    reason: () => 'scale, zero point or type differ from those before it',
    remedy: 'Give both the same parameters.',
  },
  taken: {
    says: 'one of the nodes is part of another fusion, or was written as another operator',
    reason: ({ op, value }) => `its ${op} runs as a part of ${value}`,
    remedy: 'Nothing needs to be done: that node runs in another form.',
  },
  unknown: {
    says: 'the runtime leaves the nodes apart, and it is not known why',
    reason: ({ op }) => `the runtime leaves this ${op} a node of its own, for a reason not known`,
    remedy: 'Compare the nodes with the form that the documentation shows.',
  },
};

/** A blocker of one kind. */
export function blocker(
  code: FusionBlockerCode,
  node: string | NodeProto,
  about: About = {},
  remedy?: string,
): FusionBlocker {
  const name = typeof node === 'string' ? node : node.name;
  const kind = BLOCKERS[code];
  return {
    node: name,
    code,
    ...about,
    reason: kind.reason({ tensor: '', op: '', value: '', ...about }, name),
    remedy: remedy ?? kind.remedy,
  };
}

/** The first blocker of a list of questions; those after it are not asked. */
export function firstOf(...questions: (() => FusionBlocker | null)[]): FusionBlocker | null {
  for (const question of questions) {
    const found = question();
    if (found) return found;
  }
  return null;
}

/** Who else needs the value between a node and the one behind it; null where nobody does. */
export function between(
  graph: FusionGraph,
  node: NodeProto,
  next: NodeProto,
): FusionBlocker | null {
  return alsoRead(graph, node.output[0]!, [next]);
}

/** The same for a value that several nodes of the group read. */
export function alsoRead(
  graph: FusionGraph,
  tensor: string,
  by: readonly NodeProto[],
): FusionBlocker | null {
  const what = `the ${by[0]!.opType}`;
  const other = graph.readers(tensor).find((n) => !by.includes(n));
  if (other) return blocker('second-reader', other, { tensor, op: what });
  if (graph.isOutput(tensor))
    return blocker('graph-output', graph.producer(tensor) ?? by[0]!, { tensor, op: what });
  return null;
}

/** Someone outside a group who reads a value that is made inside it; the result of its last node is everybody's. */
export function readOutside(graph: FusionGraph, nodes: readonly NodeProto[]): FusionBlocker | null {
  for (const node of nodes) {
    const inside = graph.readers(node.output[0]!).filter((n) => nodes.includes(n));
    const found = inside.length === 0 ? null : alsoRead(graph, node.output[0]!, inside);
    if (found) return found;
  }
  return null;
}

/** Which of the tensors the runtime does not take for a constant; null where it takes all. */
export function frozen(
  graph: FusionGraph,
  node: NodeProto,
  tensors: readonly (string | undefined)[],
): FusionBlocker | null {
  for (const tensor of tensors) {
    if (tensor === undefined || tensor === '' || graph.isFrozen(tensor)) continue;
    return blocker(graph.isOverridable(tensor) ? 'overridable' : 'not-constant', node, { tensor });
  }
  return null;
}

/** A tensor that is surely not float32; null where it is, or may be. */
export function float32(
  graph: FusionGraph,
  node: NodeProto,
  tensor: string | undefined,
): FusionBlocker | null {
  const type = tensor === undefined ? undefined : graph.info(tensor)?.type;
  if (type === undefined || type === 'undefined' || type === 'float32') return null;
  return blocker('type', node, { tensor: tensor!, value: type });
}

/** A shape for people. */
export function shown(shape: readonly (number | string | null)[] | null): string {
  return shape ? `[${shape.map((d) => d ?? '?').join(', ')}]` : '?';
}
