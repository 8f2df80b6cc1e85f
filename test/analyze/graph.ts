import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/gen/onnx_pb';
import {
  makeTensor,
  makeValueInfo,
  Model,
  opsetEntry,
  type ElementType,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx';

type Shape = readonly (number | string | null)[];

/** A small model in memory. */
export function graph(parts: {
  nodes: NodeProto[];
  inputs: Record<string, Shape>;
  outputs: Record<string, Shape | null>;
  initializers?: TensorProto[];
  opset?: number;
  outputType?: ElementType;
  /** Types of inputs that are not float32. */
  inputTypes?: Readonly<Record<string, ElementType>>;
}): Model {
  return new Model(
    create(ModelProtoSchema, {
      irVersion: 8n,
      producerName: 'test',
      opsetImport: [opsetEntry('', parts.opset ?? 13)],
      graph: create(GraphProtoSchema, {
        name: 'test',
        node: parts.nodes,
        initializer: parts.initializers ?? [],
        input: Object.entries(parts.inputs).map(([n, s]) =>
          makeValueInfo(n, parts.inputTypes?.[n] ?? 'float32', s),
        ),
        output: Object.entries(parts.outputs).map(([n, s]) =>
          makeValueInfo(n, parts.outputType ?? 'float32', s),
        ),
      }),
    }),
    null,
    null,
  );
}

/** A float32 constant whose values walk through a short pattern. */
export function constant(name: string, dims: readonly number[], scale = 1): TensorProto {
  const n = dims.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: n }, (_, i) => (((i * 7) % 11) - 5) * 0.1 * scale);
  return makeTensor(name, 'float32', dims, values);
}

/** The four parameters of a BatchNormalization over `channels`. */
export function batchNormParameters(prefix: string, channels: number): TensorProto[] {
  const make = (suffix: string, value: (i: number) => number) =>
    makeTensor(
      `${prefix}.${suffix}`,
      'float32',
      [channels],
      Float32Array.from({ length: channels }, (_, i) => value(i)),
    );
  return [
    make('gamma', (i) => 1 + 0.1 * i),
    make('beta', (i) => 0.05 * i),
    make('mean', (i) => 0.01 * i),
    make('variance', (i) => 1 + 0.2 * i),
  ];
}
