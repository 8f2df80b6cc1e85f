/** A model's message in pieces, so that its values need not be in memory together. */
import { clearField, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { shallowCopy } from './copy';
import { externalSource } from './external';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './gen/onnx_pb';
import type { ByteSource } from './held';
import type { Model } from './model';
import type { TensorProto } from './schema';
import { isExternal, tensorBytes } from './tensor';

/** Bytes in memory, or where they are to be had. */
export type Chunk = Uint8Array | ByteSource;

/** Values of fewer bytes are copied with their message. */
const LARGE = 4096;

/**
 * The bytes of a model that stands alone, as the encoder would write them, with the values of its initializers in
 * pieces of their own. Tensors elsewhere (in nodes, in subgraphs) must carry their values.
 */
export function modelChunks(model: Model): Chunk[] {
  const [before, after] = around(ModelProtoSchema, model.proto, 'graph');
  const { graph } = model;
  const [head, tail] = around(GraphProtoSchema, graph, 'initializer');
  const tensors = graph.initializer.map((t) => tensorChunks(t, model.dir));
  const inner: Chunk[] = [
    head,
    ...tensors.flatMap((chunks) => delimited(GraphProtoSchema.field.initializer.number, chunks)),
    tail,
  ];
  return [before, ...delimited(ModelProtoSchema.field.graph.number, inner), after];
}

function tensorChunks(tensor: TensorProto, dir: string | null): Chunk[] {
  if (!isExternal(tensor) && tensor.rawData.length < LARGE)
    return [toBinary(TensorProtoSchema, tensor)];
  const alone = shallowCopy(tensor);
  const values: Chunk = isExternal(tensor)
    ? externalSource(tensor, dir, tensorBytes(tensor))
    : tensor.rawData;
  if (isExternal(tensor)) {
    alone.externalData = [];
    clearField(alone, TensorProtoSchema.field.dataLocation);
  }
  const [head, tail] = around(TensorProtoSchema, alone, 'rawData');
  return [head, ...delimited(TensorProtoSchema.field.rawData.number, [values]), tail];
}

/** The encoded fields of a message before one of them, and those behind it (unknown ones are last). */
function around<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  name: string,
): [before: Uint8Array, after: Uint8Array] {
  const at = schema.fields.find((f) => f.localName === name)!.number;
  const [head, tail] = [shallowCopy(message), shallowCopy(message)];
  for (const field of schema.fields) {
    if (field.number >= at) clearField(head, field);
    if (field.number <= at) clearField(tail, field);
  }
  head.$unknown = undefined;
  return [toBinary(schema, head), toBinary(schema, tail)];
}

/** A field of bytes: its tag and length, and then the chunks. */
function delimited(field: number, chunks: readonly Chunk[]): Chunk[] {
  const length = totalLength(chunks);
  const head = new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
  return [head, ...chunks];
}

/** Bytes of all chunks. */
export function totalLength(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** The bytes of a chunk in pieces; a piece is good until the next one. */
export function pieces(chunk: Chunk): Iterable<Uint8Array> {
  return chunk instanceof Uint8Array ? [chunk] : chunk.pieces();
}
