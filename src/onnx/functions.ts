/** Model-local functions: their bodies written out in place of the calls. */
import { clone } from '@bufbuild/protobuf';
import { VernierError } from '../errors';
import { subgraphs } from './attributes';
import {
  AttributeProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type FunctionProto,
} from './gen/onnx_pb';
import { isDefaultDomain, type Model } from './model';
import { namesOf, Names } from './names';
import { label } from './order';
import { makeNode, type GraphProto, type NodeProto } from './schema';
import { functionOpset, speaksAlike, upgradeFunction, upgradeOpset } from './upgrade';

/** A call that was written out. */
export interface InlinedCall {
  /** Name of the call, or its first output's name. */
  call: string;
  /** `domain:name` of the function. */
  function: string;
  /** The nodes that stand there now. */
  nodes: NodeProto[];
}

/** Functions may call functions, but not so deep. */
const MAX_DEPTH = 64;

/**
 * A copy of the model in which every call of one of its own functions is written out; a model without functions comes back
 * as it is.
 *
 * 1. Calls in subgraphs, and calls inside functions, are written out too; overloads are told apart.
 * 2. Inputs and outputs of the body get the names of the call's; everything else in it gets a name that nothing has,
 *    behind the call's: `CALL/NAME`. Optional inputs that the call leaves out stay left out.
 * 3. An attribute that refers to one of the function's gets what the call says, else the function's default, else it goes.
 * 4. A function of another opset than the model's, where that makes a difference, is carried over first; where it
 *    is newer, the model is.
 * 5. What functions import besides, the model imports.
 *
 * Throws `model.cycle` where a function calls itself, `model.unsupported-op` where an opset cannot be carried over.
 */
export function inlineFunctions(source: Model): { model: Model; inlined: InlinedCall[] } {
  if (source.proto.functions.length === 0) return { model: source, inlined: [] };
  const newest = Math.max(
    ...source.proto.functions
      .filter((f) => !speaksAlike(f, source.opset))
      .map((f) => functionOpset(f) ?? 0),
  );
  const model =
    newest > source.opset ? upgradeOpset(source, Math.max(13, newest)).model : source.copy();
  const names = new Names(namesOf(model));
  for (const f of model.proto.functions)
    if (!speaksAlike(f, model.opset)) upgradeFunction(f, names, model);
  const functions = new Map(model.proto.functions.map((f) => [keyOf(f), f]));
  const inlined: InlinedCall[] = [];
  const work: Work = { functions, names, inlined };
  writeOut(model.graph, work, 0);
  for (const f of model.proto.functions)
    for (const { domain, version } of f.opsetImport) model.importDomain(domain, Number(version));
  model.proto.functions = [];
  return { model, inlined };
}

interface Work {
  functions: ReadonlyMap<string, FunctionProto>;
  names: Names;
  inlined: InlinedCall[];
}

const keyOf = ({ domain, name, overload }: FunctionProto) =>
  `${isDefaultDomain(domain) ? '' : domain}:${name}:${overload}`;

function calledBy(node: NodeProto, { functions }: Work): FunctionProto | undefined {
  const domain = isDefaultDomain(node.domain) ? '' : node.domain;
  return functions.get(`${domain}:${node.opType}:${node.overload}`);
}

function writeOut(graph: GraphProto, work: Work, depth: number): void {
  graph.node = graph.node.flatMap((node) => expanded(node, work, depth));
}

function expanded(node: NodeProto, work: Work, depth: number): NodeProto[] {
  for (const body of subgraphs(node)) writeOut(body, work, depth);
  const f = calledBy(node, work);
  if (!f) return [node];
  if (depth >= MAX_DEPTH)
    throw new VernierError(
      'model.cycle',
      `The function '${f.domain}:${f.name}' calls itself without end.`,
      {
        node: label(node),
        remedy: 'Export the model again; ONNX functions must not call themselves.',
      },
    );
  const record: InlinedCall = { call: label(node), function: `${f.domain}:${f.name}`, nodes: [] };
  if (depth === 0) work.inlined.push(record);
  record.nodes = bodyOf(node, f, work).flatMap((inner) => expanded(inner, work, depth + 1));
  return record.nodes;
}

/** The nodes of a function's body under the names of one call. */
function bodyOf(call: NodeProto, f: FunctionProto, { names }: Work): NodeProto[] {
  const base = label(call);
  const renames = new Map<string, string>([['', '']]);
  f.input.forEach((name, i) => renames.set(name, call.input[i] ?? ''));
  const passed: NodeProto[] = [];
  f.output.forEach((name, i) => {
    const wanted = call.output[i] || names.fresh(`${base}/${name}`);
    const known = renames.get(name);
    // an input that is an output too, or an output that is listed twice
    if (known === undefined) renames.set(name, wanted);
    else passed.push(makeNode({ opType: 'Identity', inputs: [known], outputs: [wanted] }));
  });
  const rename = (name: string): string => {
    let known = renames.get(name);
    if (known === undefined) renames.set(name, (known = names.fresh(`${base}/${name}`)));
    return known;
  };
  const attributes = argumentsOf(call, f);
  const nodes = f.node.map((node) => {
    const copy = clone(NodeProtoSchema, node);
    settle(copy, rename, attributes, names, base);
    return copy;
  });
  return [...nodes, ...passed];
}

/** Renames what a node and the graphs inside it read and write, names them, and settles attributes that refer. */
function settle(
  node: NodeProto,
  rename: (name: string) => string,
  attributes: ReadonlyMap<string, AttributeProto>,
  names: Names,
  base: string,
): void {
  node.name = names.fresh(`${base}/${label(node)}`);
  node.input = node.input.map(rename);
  node.output = node.output.map(rename);
  node.attribute = node.attribute.flatMap((a) => {
    if (a.refAttrName === '') return [a];
    const given = attributes.get(a.refAttrName);
    if (!given) return [];
    const argument = clone(AttributeProtoSchema, given);
    argument.name = a.name;
    return [argument];
  });
  for (const body of subgraphs(node)) {
    const own = new Map<string, string>();
    const inner = (name: string) => own.get(name) ?? rename(name);
    for (const v of [...body.input, ...body.initializer])
      own.set(v.name, names.fresh(`${base}/${v.name}`));
    for (const v of [...body.input, ...body.initializer, ...body.valueInfo]) v.name = inner(v.name);
    for (const n of body.node)
      for (const output of n.output)
        if (output !== '') own.set(output, names.fresh(`${base}/${output}`));
    for (const v of body.output) v.name = inner(v.name);
    for (const n of body.node) settle(n, inner, attributes, names, base);
  }
}

/** What the attributes of a function are in one call; those without a value are missing. */
function argumentsOf(call: NodeProto, f: FunctionProto): Map<string, AttributeProto> {
  const given = new Map(f.attributeProto.map((a) => [a.name, a]));
  for (const a of call.attribute) given.set(a.name, a);
  return given;
}
