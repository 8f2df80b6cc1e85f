import { create } from '@bufbuild/protobuf';
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  DataLocation,
  entry,
  makeTensor,
  makeValueInfo,
  Model,
  opsetEntry,
  serializeModel,
  type TensorProto,
} from '../../src/onnx';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { fill } from './fill';
import type { Net } from './net';
import { measureStatistics } from './statistics';

/** Tensors of fewer bytes stay in the model. */
const SMALL = 1024;
/** Where tensors begin in the data file, so that they can be mapped into memory. */
const ALIGNMENT = 4096;

/** Where weights go. */
export interface WriteOptions {
  seed: number;
  /** Weights in `FILE.data` beside the model, written one after the other. */
  external?: boolean;
}

/** Writes a network with its values, at opset 17. The file appears whole or not at all. */
export async function writeNet(net: Net, file: string, options: WriteOptions): Promise<void> {
  const measured = await measureStatistics(net, options.seed);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const data = options.external ? new DataFile(`${file}.data`) : null;
  try {
    const weights = net.parameters.map((p) => {
      const values = fill(p, options.seed, measured, net.parameters);
      return data && values.byteLength >= SMALL
        ? data.put(p.name, p.dims, values)
        : makeTensor(p.name, 'float32', p.dims, values);
    });
    writeFileSync(temporary, serializeModel(modelOf(net, weights)));
    data?.finish();
    renameSync(temporary, file);
  } catch (error) {
    data?.discard();
    rmSync(temporary, { force: true });
    throw error;
  }
}

function modelOf(net: Net, weights: TensorProto[]): Model {
  const values = (ports: Net['inputs']) =>
    ports.map(({ name, type, shape }) => makeValueInfo(name, type, shape));
  const graph = create(GraphProtoSchema, {
    name: 'main_graph',
    node: net.nodes,
    initializer: [...weights, ...net.constants],
    input: values(net.inputs),
    output: values(net.outputs),
  });
  const proto = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'vernier architectures',
    opsetImport: [opsetEntry('', 17)],
    graph,
  });
  return new Model(proto, null, null);
}

/** A data file that grows tensor by tensor. */
class DataFile {
  private readonly temporary: string;
  private readonly handle: number;
  private end = 0;

  constructor(private readonly file: string) {
    this.temporary = `${file}.${process.pid}.tmp`;
    this.handle = openSync(this.temporary, 'w');
  }

  put(name: string, dims: readonly number[], values: Float32Array): TensorProto {
    const at = Math.ceil(this.end / ALIGNMENT) * ALIGNMENT;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.handle, bytes, done, bytes.length - done, at + done);
    this.end = at + bytes.length;
    return create(TensorProtoSchema, {
      name,
      dims: dims.map(BigInt),
      dataType: 1,
      dataLocation: DataLocation.EXTERNAL,
      externalData: [
        entry('location', path.basename(this.file)),
        entry('offset', String(at)),
        entry('length', String(bytes.length)),
      ],
    });
  }

  finish(): void {
    closeSync(this.handle);
    renameSync(this.temporary, this.file);
  }

  discard(): void {
    closeSync(this.handle);
    rmSync(this.temporary, { force: true });
  }
}
