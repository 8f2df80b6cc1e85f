/** Values that are not in memory: they lie in a file, or are computed when they are asked for. */
import { create } from '@bufbuild/protobuf';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { VernierError } from '../errors';
import { TensorProtoSchema } from './gen/onnx_pb';
import {
  DataLocation,
  elementTypeNumber,
  entry,
  type ElementType,
  type TensorProto,
} from './schema';

/** Bytes that can be had. */
export interface ByteSource {
  readonly length: number;
  /** The bytes, in memory of their own (aligned for any type). */
  read(): Uint8Array;
  /** Some of them, `length` from `from` on. */
  range(from: number, length: number): Uint8Array;
  /**
   * The same piece by piece: those of a file a few megabytes at a time (a whole number of values, at the beginning of their
   * buffer), computed ones at once. A piece is good until the next one.
   */
  pieces(): Iterable<Uint8Array>;
  /** Where they lie as they are; null where they are computed. */
  readonly extent: Extent | null;
}

/** A run of bytes in a file. */
export interface Extent {
  file: string;
  offset: number;
}

/** At most so many bytes are read in one call. */
const CHUNK = 1 << 30;
/** Bytes of a piece. */
const PIECE = 4 << 20;

/** What a file was when a run of its bytes was noted. */
export interface FileStamp {
  size: number;
  mtimeMs: number;
}

/** A run of bytes in a file. With a `stamp`, reading throws `model.changed` once the file is another one. */
export class FileBytes implements ByteSource {
  constructor(
    readonly extent: Extent,
    readonly length: number,
    private readonly stamp: FileStamp | null = null,
  ) {}

  read(): Uint8Array {
    return this.range(0, this.length);
  }

  range(from: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const handle = this.open();
    try {
      this.fill(handle, bytes, from);
    } finally {
      closeSync(handle);
    }
    return bytes;
  }

  *pieces(): Generator<Uint8Array> {
    const buffer = new Uint8Array(Math.min(PIECE, this.length));
    const handle = this.open();
    try {
      for (let done = 0; done < this.length; done += buffer.length) {
        const piece = buffer.subarray(0, Math.min(buffer.length, this.length - done));
        this.fill(handle, piece, done);
        yield piece;
      }
    } finally {
      closeSync(handle);
    }
  }

  private open(): number {
    const handle = openSync(this.extent.file, 'r');
    if (this.stamp) refuseChanged(this.extent.file, handle, this.stamp);
    return handle;
  }

  /** Fills `target` with the bytes from `from` on. */
  private fill(handle: number, target: Uint8Array, from: number): void {
    const { file, offset } = this.extent;
    for (let done = 0; done < target.length;) {
      const most = Math.min(target.length - done, CHUNK);
      const n = readSync(handle, target, done, most, offset + from + done);
      if (n === 0)
        throw new VernierError('model.external-short', `'${file}' ends too early.`, {
          file,
          remedy: 'Copy the whole file again.',
        });
      done += n;
    }
  }
}

function refuseChanged(file: string, handle: number, stamp: FileStamp): void {
  const { size, mtimeMs } = fstatSync(handle);
  if (size === stamp.size && mtimeMs === stamp.mtimeMs) return;
  closeSync(handle);
  throw new VernierError('model.changed', `'${file}' was changed while it was being read.`, {
    file,
    remedy: 'Run it again.',
  });
}

/** Bytes that a function computes, again each time. */
export class ComputedBytes implements ByteSource {
  readonly extent = null;

  constructor(
    readonly length: number,
    private readonly compute: () => ArrayBufferView,
  ) {}

  read(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.compute();
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  range(from: number, length: number): Uint8Array {
    return this.read().subarray(from, from + length);
  }

  pieces(): Iterable<Uint8Array> {
    return [this.read()];
  }
}

/** What stands in `raw_data` of a held tensor: no bytes, and where they are to be had. Copies of the message share it. */
class HeldBytes extends Uint8Array {
  constructor(readonly source: ByteSource) {
    super(0);
  }

  /** Has nothing to copy; the library's `clone` asks for a copy of every byte string. */
  override slice(): this {
    return this;
  }
}

/** Location of held tensors: no file has it, so that what is written by mistake does not load. */
const NOWHERE = ':held by vernier:';

/** Where a held tensor's bytes are to be had; null for all others. */
export function heldSource(tensor: TensorProto): ByteSource | null {
  return tensor.rawData instanceof HeldBytes ? tensor.rawData.source : null;
}

/** Makes a tensor one whose bytes are to be had from `source`; what it carried itself is dropped. */
export function hold(tensor: TensorProto, source: ByteSource): TensorProto {
  tensor.rawData = new HeldBytes(source);
  tensor.dataLocation = DataLocation.EXTERNAL;
  tensor.externalData = [entry('location', NOWHERE)];
  tensor.floatData = [];
  tensor.doubleData = [];
  return tensor;
}

/** A new initializer whose packed bytes `source` gives. */
export function makeHeldTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  source: ByteSource,
): TensorProto {
  const init = { name, dims: dims.map(BigInt), dataType: elementTypeNumber(type) };
  return hold(create(TensorProtoSchema, init), source);
}
