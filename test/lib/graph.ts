/** Small graphs for tests: a builder that reads like the graph, and a printer whose text is. */
import { create } from '@bufbuild/protobuf';
import { Random } from '../../src/numeric';
import {
  AttributeType,
  integerValues,
  makeFloat,
  makeInt,
  makeInts,
  makeNode,
  makeString,
  makeTensor,
  makeValueInfo,
  Model,
  opsetEntry,
  tensorDims,
  tensorType,
  valueType,
  type AttributeProto,
  type ElementType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../src/onnx';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/gen/onnx_pb';

type Shape = readonly (number | string | null)[];
/** Whole numbers are INT, lists INTS, texts STRING; {@link float} makes a FLOAT. */
type Attributes = Record<string, number | readonly number[] | string | AttributeProto>;

/** A FLOAT attribute, whose value may be whole. */
export const float = (value: number) => makeFloat('', value);

/** `count` numbers between −1 and 1 (or `low` and `high`), the same for the same seed. */
export function randomValues(count: number, seed: number | string, low = -1, high = 1) {
  const number =
    typeof seed === 'number' ? seed : [...seed].reduce((h, c) => h * 31 + c.codePointAt(0)!, 7);
  const random = new Random(number);
  return Float32Array.from({ length: count }, () => random.uniform(low, high));
}

const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Builds a model node by node. Every method returns the names that the next one reads. */
export class GraphBuilder {
  private readonly graph: GraphProto = create(GraphProtoSchema, { name: 'test' });

  constructor(
    private readonly opset = 13,
    private readonly irVersion = 8,
  ) {}

  input(name: string, shape: Shape | null, type: ElementType = 'float32'): string {
    this.graph.input.push(makeValueInfo(name, type, shape));
    return name;
  }

  /** A float32 constant. */
  constant(name: string, dims: readonly number[], values: ArrayLike<number>): string {
    return this.tensor(makeTensor(name, 'float32', dims, Float32Array.from(values)));
  }

  /** A float32 constant of numbers between −`scale` and `scale` that depend on its name alone. */
  random(name: string, dims: readonly number[], scale = 1): string {
    return this.constant(name, dims, randomValues(size(dims), name, -scale, scale));
  }

  /** An int64 vector, or with a single number a scalar. */
  ints(name: string, values: readonly number[] | number): string {
    const list = typeof values === 'number' ? [values] : values;
    const dims = typeof values === 'number' ? [] : [list.length];
    return this.tensor(makeTensor(name, 'int64', dims, BigInt64Array.from(list, BigInt)));
  }

  tensor(tensor: TensorProto): string {
    this.graph.initializer.push(tensor);
    return tensor.name;
  }

  /** A node of that name; its outputs are the names given, or `NAME_out`. Returns the first of them. */
  node(
    name: string,
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    outputs: readonly string[] = [`${name}_out`],
    domain = '',
  ): string {
    const node = makeNode({
      opType: op,
      name,
      domain,
      inputs,
      outputs,
      attributes: Object.entries(attributes).map(([key, value]) => toAttribute(key, value)),
    });
    this.graph.node.push(node);
    return outputs[0]!;
  }

  /** Makes tensors outputs of the model. */
  output(...names: string[]): this {
    for (const name of names) this.graph.output.push(makeValueInfo(name, 'float32', null));
    return this;
  }

  /** The same for a tensor that is not float32. */
  outputAs(type: ElementType, name: string): this {
    this.graph.output.push(makeValueInfo(name, type, null));
    return this;
  }

  /** A tensor's declared type, as exporters write it. */
  declare(name: string, shape: Shape, type: ElementType = 'float32'): this {
    this.graph.valueInfo.push(makeValueInfo(name, type, shape));
    return this;
  }

  build(): Model {
    const proto = create(ModelProtoSchema, {
      irVersion: BigInt(this.irVersion),
      producerName: 'test',
      opsetImport: [opsetEntry('', this.opset), opsetEntry('com.microsoft', 1)],
      graph: this.graph,
    });
    return new Model(proto, null, null);
  }
}

function toAttribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'number') return makeInt(name, value);
  if (typeof value === 'string') return makeString(name, value);
  if ('$typeName' in value) return { ...value, name };
  return makeInts(name, value);
}

/**
 * A graph as text, a line for each node in order:
 *
 *     (x float32[1,3,8,8])
 *     conv: c = Conv(x, w[4,3,3,3], b[4]) {pads=[1,1,1,1]}
 *     → c
 *
 * Constants show their shape, small integer ones their values. Names like the output's, and those that the
 * writer gives to its QuantizeLinear and DequantizeLinear, are left out.
 */
export function printGraph(model: Model): string {
  const { graph } = model;
  const constants = new Map(graph.initializer.map((t) => [t.name, t]));
  const lines = graph.node.map((node) => printNode(node, constants));
  const inputs = graph.input.map((v) => printValue(v)).join(', ');
  return [`(${inputs})`, ...lines, `→ ${graph.output.map((v) => v.name).join(', ')}`].join('\n');
}

function printNode(node: NodeProto, constants: ReadonlyMap<string, TensorProto>): string {
  const known =
    node.name === '' || node.name === node.output[0] || /uantizeLinear$/.test(node.name);
  const name = known ? '' : `${node.name}: `;
  const inputs = node.input.map((i) => {
    const tensor = constants.get(i);
    return tensor ? printConstant(tensor) : i === '' ? '_' : i;
  });
  const domain = node.domain === '' ? '' : `${node.domain}.`;
  const attributes = node.attribute.map((a) => `${a.name}=${printAttribute(a)}`).sort();
  const braces = attributes.length > 0 ? ` {${attributes.join(', ')}}` : '';
  const outputs = node.output.map((o) => (o === '' ? '_' : o)).join(', ');
  return `${name}${outputs} = ${domain}${node.opType}(${inputs.join(', ')})${braces}`;
}

function printConstant(tensor: TensorProto): string {
  const type = tensorType(tensor);
  const dims = tensorDims(tensor);
  if (type === 'int64' && size(dims) <= 8)
    return `${tensor.name}=${integerValues(tensor).join(',')}`;
  return `${tensor.name}${type === 'float32' ? '' : `:${type}`}[${dims.join(',')}]`;
}

function printAttribute(a: AttributeProto): string {
  switch (a.type) {
    case AttributeType.INT:
      return String(a.i);
    case AttributeType.INTS:
      return `[${a.ints.join(',')}]`;
    case AttributeType.FLOAT:
      return String(Number(a.f.toPrecision(6)));
    case AttributeType.FLOATS:
      return `[${a.floats.map((x) => Number(x.toPrecision(6))).join(',')}]`;
    case AttributeType.STRING:
      return new TextDecoder().decode(a.s);
    default:
      return AttributeType[a.type] ?? '?';
  }
}

function printValue(info: ValueInfoProto): string {
  const { type, shape } = valueType(info);
  return `${info.name} ${type}${shape ? `[${shape.map((d) => d ?? '?').join(',')}]` : ''}`;
}

/** The node of that name; fails where there is none. */
export function nodeOf(model: Model, name: string): NodeProto {
  const node = model.graph.node.find((n) => n.name === name);
  if (!node) throw new Error(`no node '${name}' in\n${printGraph(model)}`);
  return node;
}

/** The initializer of that name; fails where there is none. */
export function constantOf(model: Model, name: string): TensorProto {
  const tensor = model.graph.initializer.find((t) => t.name === name);
  if (!tensor) throw new Error(`no initializer '${name}'`);
  return tensor;
}

/** Operators of a graph with how often each stands there. */
export function countOps(model: Model): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType } of model.graph.node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}
