import { topologicalOrder, type Model } from '../onnx';
import { inlineFunctions } from '../onnx/functions';
import { upgradeOpset } from '../onnx/upgrade';
import { PassContext } from './context';
import { attentionBias } from './passes/attention-bias';
import { constantInputs } from './passes/constant-inputs';
import { dropIdentities } from './passes/drop-identities';
import { float16ToFloat32 } from './passes/float16-to-float32';
import { foldBatchNorm } from './passes/fold-batchnorm';
import { foldBias } from './passes/fold-bias';
import { foldConstants } from './passes/fold-constants';
import { foldPad } from './passes/fold-pad';
import { inlineIf } from './passes/inline-if';
import { inlineConstants } from './passes/inline-constants';
import { insideBodies } from './passes/inside-bodies';
import { loneMatmul } from './passes/lone-matmul';
import { matmulToGemm } from './passes/matmul-to-gemm';
import { moveConstants } from './passes/move-constants';
import { nameBodyTensors } from './passes/name-body-tensors';
import { nameNodes } from './passes/name-nodes';
import { nameStates } from './passes/name-states';
import { oneHotToGather } from './passes/one-hot-to-gather';
import { pixelShuffle } from './passes/pixel-shuffle';
import { plainGemm } from './passes/plain-gemm';
import { timeFirst } from './passes/time-first';

/** A model ready to be quantized: same function, folded, at opset ≥ 13, every node named. */
export interface Prepared {
  model: Model;
  context: PassContext;
}

/** Lowest opset whose QuantizeLinear knows an axis. */
const OPSET = 13;

type Pass = (model: Model, context: PassContext) => void | Promise<void>;

/** In this order; each does nothing where there is nothing to do. */
export const PREPARATION: readonly [name: string, pass: Pass][] = [
  ['inline constants', inlineConstants],
  ['move constants', moveConstants],
  ['attention bias', attentionBias], // before anything runs
  ['fold constants', foldConstants],
  ['write out decided ifs', inlineIf],
  ['inline their constants', inlineConstants],
  ['fold constants', foldConstants],
  ['drop identities', dropIdentities],
  ['one hot to gather', oneHotToGather],
  ['fold pad', foldPad],
  ['fold batch norm', foldBatchNorm],
  ['fold bias', foldBias],
  ['matmul to gemm', matmulToGemm],
  ['lone matmul', loneMatmul],
  ['plain gemm', plainGemm],
  ['pixel shuffle', pixelShuffle],
  ['time first', timeFirst],
  ['name states', nameStates],
];

/** How far preparing may go. */
export interface PrepareOptions {
  /** False: nothing is run, not even constants (untrusted workspaces). */
  runtime?: boolean;
}

/** What is done inside If, Loop and Scan too. */
const IN_BODIES: readonly Pass[] = [
  inlineConstants,
  foldBatchNorm,
  foldBias,
  matmulToGemm,
  loneMatmul,
  plainGemm,
  nameStates,
];

/**
 * Prepares a copy of a model for quantization. The given model is left as it is.
 * Throws the `model.*` errors of upgrading and ordering.
 */
export async function prepare(source: Model, options: PrepareOptions = {}): Promise<Prepared> {
  const context = new PassContext();
  let model = source.copy();
  nameNodes(model);
  model.graph.node = topologicalOrder(model.graph, source.file ?? undefined);
  model = writeOutFunctions(model, context);
  constantInputs(model, context); // before the upgrade, which would do it without a word
  float16ToFloat32(model, context); // and this, so that no rewriting makes float32 constants beside halves
  if (model.opset < OPSET) {
    const from = model.opset;
    const upgraded = upgradeOpset(model, OPSET);
    model = upgraded.model;
    nameNodes(model);
    context.note({
      code: 'opset-upgraded',
      severity: 'info',
      message: `Upgraded from opset ${from} to ${OPSET}: ${upgraded.changed.length} nodes were rewritten.`,
    });
  }
  for (const [name, pass] of PREPARATION)
    if (name !== 'fold constants' || options.runtime !== false) await pass(model, context);
  await insideBodies(model, context, IN_BODIES);
  nameBodyTensors(model);
  model.graph.node = topologicalOrder(model.graph);
  return { model, context };
}

/** Operators for which people come: a call that was written out answers with the first of them. */
const HEAVY = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN'];

/** The model's own functions, written out; each call leads to the node that weighs most, or that gives its result. */
function writeOutFunctions(source: Model, context: PassContext): Model {
  const { model, inlined } = inlineFunctions(source);
  if (inlined.length === 0) return model;
  nameNodes(model);
  for (const { call, nodes } of inlined) {
    const host = nodes.find((n) => HEAVY.includes(n.opType)) ?? nodes.at(-1);
    if (host) context.absorb(call, host.name);
  }
  const kinds = new Set(inlined.map((i) => i.function));
  context.note({
    code: 'functions-inlined',
    severity: 'info',
    message: `${inlined.length} calls of the model's own functions (${[...kinds].slice(0, 4).join(', ')}${kinds.size > 4 ? ', …' : ''}) were written out.`,
  });
  return model;
}
