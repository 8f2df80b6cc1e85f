/** What must hold of a model before anything is done with it. */
import { VernierError } from '../errors';
import { subgraphs } from './attributes';
import type { FunctionProto } from './gen/onnx_pb';
import { allNodes, allTensors, nodeReads } from './graph';
import { isDefaultDomain, type Model } from './model';
import { isRuntimeDomain, NEWEST_IR, NEWEST_OPSET, operatorSince } from './operators';
import { label, topologicalOrder } from './order';
import type { GraphProto, NodeProto, TensorProto } from './schema';
import { isExternal, tensorBytes } from './tensor';
import { checkTensor, checkValues, holdsFloats } from './tensor-checks';
import { functionOpset } from './upgrade';

/** Bytes of weights outside memory that a sparing check reads. */
const MOST_READ = 256 << 20;

/**
 * Throws the first of these that it finds, with its place and remedy:
 *
 * - `model.truncated`: no opset, which every exporter writes last
 * - `model.unsupported-opset`: an opset or IR version newer than the runtime's
 * - `model.unsupported-op`: an operator that neither ONNX at that opset, nor the runtime, nor the model's functions have
 * - `model.duplicate-output`, `model.cycle`: two writers of a tensor; nodes that wait for each other
 * - `model.missing-initializer`: a node or output reads what nothing writes
 * - `model.bad-dims`, `model.bad-tensor`, `model.external-…`: dims that are no sizes, values that do not fit them
 * - `model.nan-weight`: NaN in any constant, or an infinity in a layer's weights
 *
 * Infinities elsewhere are legal: masks are made of them. Values that are not in memory are read in pieces, `sparing` only the
 * first 256 MB of them. Returns how many bytes were not read.
 */
export function validateModel(model: Model, options: { sparing?: boolean } = {}): number {
  try {
    checkVersions(model);
    checkGraph(model, model.graph, new Set());
    model.proto.functions.forEach(checkFunction);
    const weights = weightNames(model.graph);
    const constants = [...allTensors(model.graph)].map(named);
    for (const tensor of constants) checkTensor(tensor, model.dir);
    let [left, unread] = [options.sparing ? MOST_READ : Infinity, 0];
    for (const tensor of constants) {
      const cost = isExternal(tensor) && holdsFloats(tensor) ? tensorBytes(tensor) : 0;
      if (cost > left) {
        unread += cost;
        continue;
      }
      left -= cost;
      checkValues(tensor, model.dir, weights.has(tensor.name));
    }
    return unread;
  } catch (error) {
    if (!(error instanceof VernierError) || error.place.file || !model.file) throw error;
    const { message, code, place } = error;
    throw new VernierError(code, message, { ...place, file: model.file }, { cause: error });
  }
}

function checkVersions(model: Model): void {
  const { opset } = model;
  const remedy = (what: string) => `Export the model again with ${what}.`;
  if (opset > NEWEST_OPSET || opset < 1)
    throw new VernierError(
      'model.unsupported-opset',
      `The model needs opset ${opset}; this runtime knows 1 to ${NEWEST_OPSET}.`,
      { remedy: remedy('opset 17') },
    );
  const ir = Number(model.proto.irVersion);
  if (ir >= 3 && model.proto.opsetImport.length === 0)
    throw new VernierError('model.truncated', 'The model does not say its opset.', {
      remedy: 'The end of the file is missing: copy, download or export it again.',
    });
  if (ir > NEWEST_IR)
    throw new VernierError(
      'model.unsupported-opset',
      `The model has IR version ${ir}; this runtime knows up to ${NEWEST_IR}.`,
      { remedy: remedy(`an ONNX release whose IR version is at most ${NEWEST_IR}`) },
    );
  const own = new Set(model.proto.functions.map((f) => `${f.domain}:${f.name}`));
  // a model that does not import the default domain gets the runtime's newest
  const version = model.domainVersion('') ?? (ir < 3 ? 1 : NEWEST_OPSET);
  const check = (nodes: Iterable<NodeProto>, opset: number) => {
    for (const node of nodes)
      if (!own.has(`${node.domain}:${node.opType}`)) checkOperator(node, opset);
  };
  check(allNodes(model.graph), version);
  for (const f of model.proto.functions)
    check(allNodes({ node: f.node } as GraphProto), functionOpset(f) ?? version);
}

/** A function's body reads its inputs and what it wrote itself, nothing else. */
function checkFunction(f: FunctionProto): void {
  const known = new Set([...f.input, ...f.node.flatMap((node) => node.output)]);
  for (const node of f.node)
    for (const name of nodeReads(node)) if (!known.has(name)) throw nothingWrites(name, node);
  const output = f.output.find((name) => !known.has(name));
  if (output !== undefined) throw nothingWrites(output);
}

function checkOperator(node: NodeProto, opset: number): void {
  const place = { node: label(node) };
  if (!isDefaultDomain(node.domain)) {
    if (isRuntimeDomain(node.domain)) return;
    throw new VernierError(
      'model.unsupported-op',
      `'${label(node)}' is a custom operator: ${node.domain}:${node.opType}.`,
      { ...place, remedy: 'Replace it by ONNX operators and export the model again.' },
    );
  }
  const since = operatorSince(node.opType);
  if (since === undefined)
    throw new VernierError(
      'model.unsupported-op',
      `'${label(node)}' has an operator that ONNX does not know: '${node.opType}'.`,
      { ...place, remedy: 'Replace it by ONNX operators and export the model again.' },
    );
  if (since > opset)
    throw new VernierError(
      'model.unsupported-op',
      `'${label(node)}' is a ${node.opType}, which came with opset ${since}; the model says ${opset}.`,
      { ...place, remedy: `Export the model again with opset ${since} or newer.` },
    );
}

/** Checks names and order of a graph and of those inside it. @param outer names that the graphs around it define */
function checkGraph(model: Model, graph: GraphProto, outer: ReadonlySet<string>): void {
  const known = new Set(outer);
  for (const v of graph.input) known.add(v.name);
  for (const t of graph.initializer) known.add(t.name);
  for (const t of graph.sparseInitializer) if (t.values) known.add(t.values.name);
  for (const node of graph.node)
    for (const output of node.output) {
      if (output === '') continue;
      if (known.has(output) && !outer.has(output)) throw duplicate(node, output);
      known.add(output);
    }
  topologicalOrder(graph);
  for (const node of graph.node) {
    const missing = node.input.find((name) => name !== '' && !known.has(name));
    if (missing !== undefined) throw nothingWrites(missing, node);
    for (const body of subgraphs(node)) checkGraph(model, body, known);
  }
  const output = graph.output.find((v) => !known.has(v.name));
  if (output) throw nothingWrites(output.name);
}

function duplicate(node: NodeProto, tensor: string): VernierError {
  return new VernierError(
    'model.duplicate-output',
    `'${label(node)}' writes '${tensor}', which is there already.`,
    { node: label(node), tensor, remedy: 'Export the model again.' },
  );
}

function nothingWrites(tensor: string, node?: NodeProto): VernierError {
  const reader = node ? `'${label(node)}' reads '${tensor}'` : `'${tensor}' is an output`;
  return new VernierError(
    'model.missing-initializer',
    `${reader}, but no input, initializer or node gives it.`,
    {
      ...(node && { node: label(node) }),
      tensor,
      remedy: 'The file has lost a weight: export the model again.',
    },
  );
}

/** The tensor of a `Constant` has no name of its own; its node's output does. */
function named({ tensor, node }: { tensor: TensorProto; node: NodeProto | null }): TensorProto {
  if (tensor.name !== '' || !node) return tensor;
  const view = Object.create(tensor) as TensorProto; // the same values under a name
  view.name = node.output[0] ?? label(node);
  return view;
}

/** Which inputs of a layer are its weights. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  LSTM: [1, 2, 3],
  GRU: [1, 2, 3],
  RNN: [1, 2, 3],
};

function weightNames(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const node of allNodes(graph))
    for (const slot of WEIGHT_INPUTS[node.opType] ?? []) {
      const name = node.input[slot];
      if (name) names.add(name);
    }
  return names;
}
