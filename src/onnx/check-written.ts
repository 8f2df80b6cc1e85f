/** What must hold of a graph that Vernier wrote. */
import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema } from './gen/onnx_pb';
import { allNodes, nodeReads } from './graph';
import { Model } from './model';
import { label } from './order';
import { valueType, type GraphProto, type ValueInfoProto } from './schema';
import { inferShapes, type Dim, type TensorInfo } from './shapes';

/** One thing that is wrong with a written graph. */
export interface Flaw {
  kind: 'order' | 'doubled' | 'undefined' | 'unused' | 'type' | 'shape' | 'interface';
  /** In a sentence. */
  message: string;
  node?: string;
  tensor?: string;
}

/**
 * Everything wrong with a written model; empty is right.
 * 1. Nodes stand in order, every name is written once, and nothing is read that is not there.
 * 2. No constant is left without a reader.
 * 3. Declared types and sizes are those that follow from the inputs; what the source itself declares wrongly stays as it is.
 * 4. Inputs and outputs are the source's by name, type and size; constants may have left the inputs. Where a model is
 *    written `inHalf`, float32 may have become float16; bfloat16, which onnxruntime-node carries nowhere, float32.
 */
export function flawsOf(written: Model, source: Model, inHalf = false): Flaw[] {
  const { graph } = written;
  return [
    ...orderFlaws(graph, new Set()),
    ...unusedConstants(graph),
    ...newFlaws(declarationFlaws(written), declarationFlaws(source)),
    ...interfaceFlaws(graph, source.graph, inHalf),
  ];
}

function orderFlaws(graph: GraphProto, outer: ReadonlySet<string>): Flaw[] {
  const flaws: Flaw[] = [];
  const known = new Set(outer);
  const own = new Set<string>();
  const define = (tensor: string, node?: string) => {
    if (own.has(tensor))
      flaws.push({ kind: 'doubled', message: `'${tensor}' is written twice`, tensor, ...at(node) });
    own.add(tensor);
    known.add(tensor);
  };
  const inputs = new Set(graph.input.map((v) => v.name));
  inputs.forEach((name) => define(name));
  for (const { name } of graph.initializer) if (!inputs.has(name)) define(name);
  for (const { values } of graph.sparseInitializer) if (values) define(values.name);
  const later = new Set(graph.node.flatMap((n) => n.output));
  for (const node of graph.node) {
    for (const tensor of nodeReads(node)) {
      if (tensor === '' || known.has(tensor)) continue;
      const message = later.has(tensor)
        ? `'${label(node)}' stands before what writes its '${tensor}'`
        : `'${label(node)}' reads '${tensor}', which nothing writes`;
      const kind = later.has(tensor) ? 'order' : 'undefined';
      flaws.push({ kind, message, tensor, node: label(node) });
    }
    for (const tensor of node.output) if (tensor !== '') define(tensor, label(node));
  }
  for (const { name } of graph.output)
    if (!known.has(name))
      flaws.push({
        kind: 'undefined',
        message: `nothing writes the output '${name}'`,
        tensor: name,
      });
  return flaws;
}

const at = (node?: string) => (node === undefined ? {} : { node });

function unusedConstants(graph: GraphProto): Flaw[] {
  const read = new Set(graph.output.map((v) => v.name));
  for (const node of allNodes(graph)) for (const name of nodeReads(node)) read.add(name);
  return graph.initializer
    .filter(({ name }) => !read.has(name))
    .map(({ name }) => ({ kind: 'unused', message: `nothing reads '${name}'`, tensor: name }));
}

function newFlaws(now: readonly Flaw[], before: readonly Flaw[]): readonly Flaw[] {
  const old = new Set(before.map((flaw) => flaw.message));
  return now.filter((flaw) => !old.has(flaw.message));
}

/** Declared types against those that inference finds without having read the declarations. */
function declarationFlaws(model: Model): Flaw[] {
  const { graph, proto } = model;
  const bare = create(GraphProtoSchema, {
    name: graph.name,
    node: graph.node,
    initializer: graph.initializer,
    sparseInitializer: graph.sparseInitializer,
    input: graph.input,
    output: graph.output.map(({ name }) => create(ValueInfoProtoSchema, { name })),
  });
  const { irVersion, opsetImport, functions } = proto;
  const undeclared = create(ModelProtoSchema, { irVersion, opsetImport, functions, graph: bare });
  const found = inferShapes(new Model(undeclared, null, model.dir));
  return [...graph.valueInfo, ...graph.output].flatMap((info) => {
    const is = found.get(info.name);
    return is ? contradiction(info, is) : [];
  });
}

function contradiction(info: ValueInfoProto, is: TensorInfo): Flaw[] {
  const said = valueType(info);
  const tensor = info.name;
  if (said.type !== 'undefined' && is.type !== 'undefined' && said.type !== is.type)
    return [
      { kind: 'type', message: `'${tensor}' is declared ${said.type} and is ${is.type}`, tensor },
    ];
  if (!said.shape || !is.shape || agrees(said.shape, is.shape)) return [];
  const text = (shape: readonly Dim[]) => `[${shape.map((d) => d ?? '?').join(', ')}]`;
  const message = `'${tensor}' is declared ${text(said.shape)} and is ${text(is.shape)}`;
  return [{ kind: 'shape', message, tensor }];
}

/** Numbers that differ contradict each other; open dimensions agree with anything. */
function agrees(a: readonly Dim[], b: readonly Dim[]): boolean {
  return (
    a.length === b.length &&
    a.every((d, i) => typeof d !== 'number' || typeof b[i] !== 'number' || d === b[i])
  );
}

function interfaceFlaws(written: GraphProto, source: GraphProto, inHalf: boolean): Flaw[] {
  const constants = new Set(source.initializer.map((t) => t.name));
  const wanted = source.input.filter((v) => !constants.has(v.name));
  const compare = (
    what: string,
    now: readonly ValueInfoProto[],
    before: readonly ValueInfoProto[],
  ) => {
    const flaws: Flaw[] = [];
    const names = (list: readonly ValueInfoProto[]) => list.map((v) => v.name).join(', ');
    if (names(now) !== names(before))
      flaws.push({
        kind: 'interface',
        message: `its ${what} are ${names(now)}, not ${names(before)}`,
      });
    for (const [i, info] of now.entries()) {
      // by place, for some files list an output twice
      const old = before[i]?.name === info.name ? before[i] : undefined;
      if (!old) continue;
      const is = valueType(info);
      const was = valueType(old).type;
      const changed =
        (inHalf && was === 'float32' && is.type === 'float16') ||
        (was === 'bfloat16' && is.type === 'float32');
      for (const flaw of contradiction(old, changed ? { ...is, type: was } : is))
        flaws.push({ ...flaw, kind: 'interface' });
    }
    return flaws;
  };
  return [
    ...compare('inputs', written.input, wanted),
    ...compare('outputs', written.output, source.output),
  ];
}
