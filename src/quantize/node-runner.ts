import { clone, create } from '@bufbuild/protobuf';
import { dequantize, type QuantParams } from '../numeric';
import {
  GraphIndex,
  makeTensor,
  makeValueInfo,
  Model,
  nodeReads,
  tensorDims,
  type ElementType,
  type Feed,
  type NodeProto,
  type TensorData,
  type TensorValue,
} from '../onnx';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema } from '../onnx/gen/onnx_pb';
import { openModel } from '../runtime/open-model';
import type { Session } from '../runtime/session';

/** A tensor of one sample; with `params` its data are codes of a quarter of the size. */
export interface Stored {
  type: ElementType;
  dims: readonly number[];
  data: TensorData;
  params?: QuantParams;
}

/**
 * Runs a model one node at a time for all samples, so that what a node gives can be changed before others read
 * it. Tensors are forgotten after their last reader.
 */
export class NodeRunner {
  private readonly values = new Map<string, Stored[]>();
  /** What readers that take codes see, where others see the exact value. */
  private readonly rounded = new Map<string, Stored[]>();
  private readonly readersLeft = new Map<string, number>();
  private readonly index: GraphIndex;

  constructor(
    private readonly model: Model,
    private readonly samples: readonly Feed[],
  ) {
    this.index = new GraphIndex(model.graph);
    for (const node of model.graph.node)
      for (const name of nodeReads(node))
        this.readersLeft.set(name, (this.readersLeft.get(name) ?? 0) + 1);
    for (const input of model.graph.input)
      this.values.set(
        input.name,
        samples.map((feed) => feed[input.name]!),
      );
  }

  /**
   * Outputs of a node: `[output][sample]`. @param weight replaces a constant input; @param takesCodes the node reads
   * rounded values where there are some
   */
  async run(
    node: NodeProto,
    weight: { slot: number; values: Float32Array } | undefined,
    takesCodes: boolean,
  ): Promise<Stored[][]> {
    const reads = [...nodeReads(node)].filter((name) => !this.index.isConstant(name));
    const inputs = new Map(
      reads.map((name) => [
        name,
        (takesCodes ? this.rounded.get(name) : undefined) ?? this.values.get(name) ?? [],
      ]),
    );
    // a node that reads constants alone gives the same for every sample
    const samples = inputs.size > 0 ? inputs.values().next().value!.length : this.samples.length;
    const outputs: Stored[][] = node.output.map(() => []);
    if (samples === 0) return outputs;
    const session = await this.open(node, weight, inputs);
    try {
      for (let i = 0; i < samples; i++) {
        const feed: Record<string, TensorValue> = {};
        for (const [name, values] of inputs) feed[name] = exactly(values[i]!);
        const results = await session.run(feed);
        node.output.forEach((name, k) => {
          if (name !== '') outputs[k]!.push(results[name]!);
        });
      }
    } finally {
      await session.release();
    }
    return outputs;
  }

  /** What a node reads, `[slot][sample]`; undefined for constants and slots that are left out. */
  inputsOf(node: NodeProto): (readonly Stored[] | undefined)[] {
    return node.input.map((name) => this.values.get(name));
  }

  /** Keeps outputs for their readers and forgets inputs that have no reader left. */
  store(node: NodeProto, outputs: Stored[][]): void {
    node.output.forEach((name, k) => {
      if (name !== '' && (this.readersLeft.get(name) ?? 0) > 0) this.values.set(name, outputs[k]!);
    });
    for (const name of nodeReads(node)) {
      const left = (this.readersLeft.get(name) ?? 1) - 1;
      this.readersLeft.set(name, left);
      if (left > 0) continue;
      this.values.delete(name);
      this.rounded.delete(name);
    }
  }

  /** Rounds a tensor: for all of its readers, or only for those that take codes. */
  round(tensor: string, rounded: (value: Stored) => Stored, forAll: boolean): void {
    const values = this.values.get(tensor);
    if (!values) return;
    (forAll ? this.values : this.rounded).set(tensor, values.map(rounded));
  }

  private open(
    node: NodeProto,
    weight: { slot: number; values: Float32Array } | undefined,
    inputs: ReadonlyMap<string, Stored[]>,
  ): Promise<Session> {
    const copy = clone(NodeProtoSchema, node);
    const initializer = [...nodeReads(node)].flatMap((name) => this.index.initializer(name) ?? []);
    if (weight) {
      const dims = tensorDims(this.index.initializer(node.input[weight.slot]!)!);
      copy.input[weight.slot] = 'rounded weight';
      initializer.push(makeTensor('rounded weight', 'float32', dims, weight.values));
    }
    const graph = create(GraphProtoSchema, {
      name: 'node',
      node: [copy],
      initializer,
      input: [...inputs].map(([name, values]) =>
        makeValueInfo(
          name,
          values[0]!.type,
          values[0]!.dims.map(() => null),
        ),
      ),
      output: node.output.filter((o) => o !== '').map((o) => makeValueInfo(o, 'undefined', null)),
    });
    for (const output of graph.output) output.type = undefined;
    const proto = create(ModelProtoSchema, {
      irVersion: this.model.proto.irVersion,
      opsetImport: this.model.proto.opsetImport,
      functions: this.model.proto.functions,
      graph,
    });
    return openModel(new Model(proto, null, this.model.dir));
  }
}

function exactly({ type, dims, data, params }: Stored): TensorValue {
  return params
    ? { type, dims, data: dequantize(data as Uint8Array, params) }
    : { type, dims, data };
}
