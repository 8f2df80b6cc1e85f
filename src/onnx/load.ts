/** Reading ONNX files. */
import { fromBinary } from '@bufbuild/protobuf';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { VernierError } from '../errors';
import { ModelProtoSchema } from './gen/onnx_pb';
import { Model } from './model';
import { otherFormat } from './other-formats';
import { holdCut, scanModel, type Scanned } from './scan';
import { checkWire } from './wire';

/** A protobuf message is smaller than this. */
const MAX_BYTES = 2 ** 31;

/** Large values of files from this size on stay in the file: they are read when they are asked for. */
const SCAN_FROM = 16 << 20;

/**
 * Reads a model. Weights are views into the file's bytes; external ones, and the large ones of a large file, stay on
 * disk.
 */
export async function loadModel(file: string): Promise<Model> {
  const absolute = path.resolve(file);
  const hint = otherFormat(absolute);
  if (hint)
    throw new VernierError('model.other-format', hint.message, { file, remedy: hint.remedy });
  let bytes: Uint8Array;
  let scanned: Scanned | null = null;
  try {
    const info = await stat(absolute);
    if (info.isDirectory())
      throw new VernierError('model.not-found', `'${file}' is a folder.`, {
        file,
        remedy: 'Name the .onnx file in it.',
      });
    if (!info.isFile())
      throw new VernierError('model.not-found', `'${file}' is not a file.`, {
        file,
        remedy: 'Name an .onnx file.',
      });
    if (info.size > MAX_BYTES)
      throw new VernierError(
        'model.not-onnx',
        `'${file}' has ${info.size} bytes; an ONNX file holds at most 2 GiB.`,
        { file, remedy: 'Export the model with its weights in a data file beside it.' },
      );
    if (info.size >= SCAN_FROM) scanned = scanModel(absolute);
    bytes = scanned?.bytes ?? (await readFile(absolute));
  } catch (error) {
    if (error instanceof VernierError) throw error;
    if (error instanceof RangeError)
      bytes = await readFile(absolute); // damaged: the decoder says how
    else
      throw new VernierError('model.not-found', `Cannot read '${file}'.`, {
        file,
        remedy: 'Check the path and its permissions.',
      });
  }
  const model = parseModel(bytes, absolute);
  if (scanned) holdCut(model.graph, absolute, scanned.stamp);
  return model;
}

/**
 * Parses the bytes of a model. Throws `model.truncated` where the last field is cut off, `model.bad-utf8` where a name is
 * not UTF-8, `model.not-onnx` where the bytes are no ONNX model.
 */
export function parseModel(bytes: Uint8Array, file: string | null = null): Model {
  const place = file ? { file } : {};
  const fail = (remedy: string, message: string, cause?: unknown) =>
    new VernierError('model.not-onnx', message, { ...place, remedy }, { cause });
  if (bytes.length === 0)
    throw new VernierError('model.truncated', 'The file is empty.', {
      ...place,
      remedy: 'Export or download the model again.',
    });
  let proto;
  try {
    checkWire(bytes, ModelProtoSchema);
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/utf|encoded data was not valid/i.test(text))
      throw new VernierError(
        'model.bad-utf8',
        'A name in the model is not valid UTF-8, which ONNX requires.',
        { ...place, remedy: 'Rename the offending nodes or tensors and export it again.' },
        { cause: error },
      );
    if (looksLikeOnnx(bytes))
      throw new VernierError(
        'model.truncated',
        `The file begins as an ONNX model and is cut off or damaged (${text}).`,
        { ...place, remedy: 'Copy, download or export it again.' },
        { cause: error },
      );
    throw fail('Choose a file that an ONNX exporter wrote.', 'This is not an ONNX model.', error);
  }
  if (!proto.graph || (proto.graph.node.length === 0 && proto.graph.output.length === 0))
    throw fail('Choose a file that an ONNX exporter wrote.', 'The file holds no ONNX graph.');
  return new Model(proto, file, file ? path.dirname(file) : null);
}

/** True where the bytes begin like a ModelProto: field 1, a small varint. */
function looksLikeOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && (bytes[1] ?? 0) < 32;
}
