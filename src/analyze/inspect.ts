import { stat } from 'node:fs/promises';
import {
  attribute,
  heldSource,
  isExternal,
  loadModel,
  tensorAttribute,
  tensorBytes,
  tensorDims,
  tensorType,
  valueType,
  type Model,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx';
import { validateModel } from '../onnx/validate';
import type { ModelSummary, Note, ValueSummary } from '../results';
import { alreadyQuantized } from './already-quantized';
import { existingQuantization } from './existing';
import { fusionCandidates } from './fusions';
import { summarizeLayers } from './layers';
import { calibratedOnRandom } from './random-calibration';
import { lookAt, type Look, type LookOptions } from './look';

/**
 * What a file says before anything runs. Constants alone are computed with the runtime, unless
 * `runtime: false`. Throws the `model.*` errors of loading, validating and preparing.
 */
export async function inspectModel(file: string, options: LookOptions = {}): Promise<ModelSummary> {
  const model = await loadModel(file);
  const unread = validateModel(model, { sparing: true });
  const { size } = await stat(file);
  const summary = summarizeModel(file, size, model, await lookAt(model, options));
  if (unread > 0)
    summary.notes.push({
      code: 'weights-unread',
      severity: 'info',
      message: `${Math.round(unread / 1e6)} MB of weights were not read: NaN is looked for when the model is quantized, and the ranges of a layer's weights are computed when it is opened.`,
    });
  return summary;
}

/** The same from a look that has been taken already. @param bytes size of the file alone */
export function summarizeModel(
  file: string,
  bytes: number,
  model: Model,
  look: Look,
): ModelSummary {
  const { proto, graph } = model;
  const constants = new Set(graph.initializer.map((t) => t.name));
  // what was left in the model's own file is part of it already
  const external = graph.initializer.filter((t) => isExternal(t) && !heldSource(t));
  return {
    file,
    bytes: bytes + external.reduce((sum, t) => sum + tensorBytes(t), 0),
    irVersion: Number(proto.irVersion),
    opset: model.opset,
    domains: proto.opsetImport.map(({ domain, version }) => ({
      domain: domain || 'ai.onnx',
      version: Number(version),
    })),
    producer: [proto.producerName, proto.producerVersion].filter((s) => s !== '').join(' '),
    inputs: graph.input.filter((v) => !constants.has(v.name)).map((v) => describe(v, look)),
    outputs: graph.output.map((v) => describe(v, look)),
    nodes: graph.node.length,
    parameters: countParameters(model),
    layers: summarizeLayers({ ...look, prepared: look.model }),
    fusions: fusionCandidates(look),
    quantized: existingQuantization(model),
    notes: [...look.context.notes, ...ownNotes(model)],
  };
}

function describe(info: ValueInfoProto, look: Look): ValueSummary {
  const { type, shape } = valueType(info);
  const known = look.shapes.get(info.name);
  return {
    name: info.name,
    type: type === 'undefined' ? (known?.type ?? type) : type,
    shape: shape ?? known?.shape ?? [],
  };
}

/** Values of constants that may be learned: floats of any width and 8- or 4-bit codes, not shapes and axes. */
function countParameters(model: Model): number {
  const learned = (t: TensorProto) => /^(b?float|u?int[248]$)/.test(tensorType(t));
  const inNodes = model.graph.node.flatMap((node) =>
    node.opType === 'Constant' ? (tensorAttribute(node, 'value') ?? []) : [],
  );
  return [...model.graph.initializer, ...inNodes]
    .filter(learned)
    .reduce((sum, t) => sum + tensorDims(t).reduce((a, b) => a * b, 1), 0);
}

function ownNotes(model: Model): Note[] {
  const notes: Note[] = [];
  const { node } = model.graph;
  const quantized = alreadyQuantized(model);
  if (quantized) notes.push(quantized);
  notes.push(...calibratedOnRandom(model));
  const training = node.find(
    (n) => n.opType === 'BatchNormalization' && attribute(n, 'training_mode')?.i === 1n,
  );
  if (training)
    notes.push({
      code: 'training-mode',
      severity: 'warning',
      message: 'A BatchNormalization is in training mode, so its result depends on the batch.',
      layer: training.name || training.output[0],
      remedy: 'Call model.eval() and export the model again.',
    });
  return notes;
}
