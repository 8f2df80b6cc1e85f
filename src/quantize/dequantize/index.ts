/** A quantized model as floats again. */
import {
  GraphIndex,
  isDefaultDomain,
  label,
  subgraphs,
  topologicalOrder,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../../onnx';
import { Names, namesOf } from '../../onnx/names';
import { PassContext } from '../context';
import { constantInputs } from '../passes/constant-inputs';
import { dropIdentities } from '../passes/drop-identities';
import { foldConstants } from '../passes/fold-constants';
import { foldScale } from '../passes/fold-scale';
import { foldScaleForward } from '../passes/fold-scale-forward';
import { inlineConstants } from '../passes/inline-constants';
import { nameNodes } from '../passes/name-nodes';
import { isQuantizing } from '../quantized-operators';
import { contribRules } from './contrib';
import { integerRules } from './integer';
import { linearRules } from './linear';
import { moveRules } from './moves';
import { qlinearRules } from './qlinear';
import type { Rule } from './rule';
import { Workshop } from './workshop';

const CONTRIB = 'com.microsoft';

/** Rules by operator; those of other domains with the domain before a colon. onnxruntime's Q and DQ mean the same as ONNX's. */
const RULES: Readonly<Record<string, Rule>> = {
  ...moveRules,
  ...linearRules,
  ...integerRules,
  ...qlinearRules,
  ...contribRules,
  [`${CONTRIB}:QuantizeLinear`]: linearRules.QuantizeLinear!,
  [`${CONTRIB}:DequantizeLinear`]: linearRules.DequantizeLinear!,
};

/** What came of it. */
export interface Dequantized {
  model: Model;
  /** Quantizing nodes of the given model, and of the result. */
  before: number;
  after: number;
  /** Those that stay, with the reason. */
  left: { node: string; op: string; reason: string }[];
}

/**
 * A float model of a quantized one.
 *
 * 1. Constants of codes become the floats that they stand for; Q and DQ pairs go; QLinearConv, MatMulInteger, MatMulNBits and
 *    their like become the float operators that they are. Weights keep what rounding left of them; activations
 *    are not rounded any more.
 * 2. A quantizer that begins at zero behind a result that may be negative leaves a Clip: it does the work of a Relu or Clip
 *    that was left out for its sake.
 * 3. Where codes enter or leave the model, or an operator has no float form, quantizers stay, and are listed.
 *
 * The given model is left as it is.
 */
export async function dequantizeModel(source: Model): Promise<Dequantized> {
  const model = source.copy();
  const context = new PassContext();
  nameNodes(model);
  model.graph.node = topologicalOrder(model.graph, source.file ?? undefined);
  constantInputs(model, context);
  inlineConstants(model, context);
  const before = quantizing(model.graph).length;
  const names = new Names(namesOf(model));
  rewrite(model, model.graph, names, null);
  await foldConstants(model, context);
  foldScale(model, context);
  foldScaleForward(model, context);
  dropIdentities(model, context);
  const index = new GraphIndex(model.graph);
  index.dropDeadNodes();
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  dropStaleTypes(model.graph);
  dropUnusedDomain(model);
  const left = quantizing(model.graph).map((node) => ({
    node: label(node),
    op: node.opType,
    reason: whyLeft(new GraphIndex(model.graph), node),
  }));
  return { model, before, after: left.length, left };
}

function rewrite(model: Model, graph: GraphProto, names: Names, outer: Workshop | null): void {
  const w = new Workshop(model, graph, names, outer);
  for (const node of graph.node) {
    if (w.isSettled(node)) continue;
    const domain = isDefaultDomain(node.domain) ? '' : `${node.domain}:`;
    const key = `${domain}${node.opType}`;
    const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined;
    if (rule?.(node, w)) continue;
    for (const name of node.input) if (name !== '') w.materialize(name);
    node.input = node.input.map((name) => (name === '' ? '' : w.now(name)));
    for (const body of subgraphs(node)) rewrite(model, body, names, w);
    w.emit(node);
  }
  for (const { name } of graph.output) {
    w.materialize(name);
    const now = w.now(name);
    if (now !== name) w.add('Identity', [now], [], w.fresh(`${name}/Identity`), name);
  }
  graph.node = w.nodes;
}

function quantizing(graph: GraphProto): NodeProto[] {
  return graph.node.flatMap((node) => [
    ...(isQuantizing(node) ? [node] : []),
    ...subgraphs(node).flatMap(quantizing),
  ]);
}

function whyLeft(index: GraphIndex, node: NodeProto): string {
  if (node.opType === 'QuantizeLinear') {
    if (node.output.some((o) => index.isGraphOutput(o))) return 'the model gives integers';
    return 'what reads its integers has no float form here';
  }
  if (node.opType === 'DequantizeLinear') return 'its integers are given to the model, or computed';
  return `${node.opType} has no float form here, or its weights and scales are computed`;
}

/** Declared types of tensors that are no longer there. */
function dropStaleTypes(graph: GraphProto): void {
  const written = new Set(graph.node.flatMap((n) => n.output));
  graph.valueInfo = graph.valueInfo.filter((v) => written.has(v.name));
}

/** The import of onnxruntime's domain goes with its last operator. */
function dropUnusedDomain(model: Model): void {
  const used = (graph: GraphProto): boolean =>
    graph.node.some((n) => n.domain === CONTRIB || subgraphs(n).some(used));
  if (used(model.graph) || model.proto.functions.length > 0) return;
  model.proto.opsetImport = model.proto.opsetImport.filter((o) => o.domain !== CONTRIB);
}
