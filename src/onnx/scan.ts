/** Reading a model's message without the values of its large tensors. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FileBytes, hold, type FileStamp } from './held';
import { allTensors } from './graph';
import { DataLocation, type GraphProto } from './schema';
import { externalLocation } from './external';

/** Values of more bytes than this stay in the file. */
const LARGE = 1 << 16;
/** Bytes read at once while scanning. */
const WINDOW = 1 << 16;

/** Where cut values say that they are; no file can know it. */
const CUT = `cut ${randomUUID()}`;

/** Message types on the way from a model to its tensors. */
type Level = 'model' | 'graph' | 'node' | 'attribute' | 'tensor';

/** Fields that lead on: level → field number → level of that message (numbers of onnx.proto). */
const WAY: Readonly<Record<Level, Readonly<Record<number, Level>>>> = {
  model: { 7: 'graph' },
  graph: { 1: 'node', 5: 'tensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph' },
  tensor: {},
};
/** Values of a tensor that lie in the file as they lie in memory, and the data type that they have there. */
const VALUES: Readonly<Record<number, number | null>> = { 9: null, 4: 1, 10: 11 };
const DATA_TYPE = 2;
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;

/** A model's message in which large values are replaced by where they lie. */
export interface Scanned {
  bytes: Uint8Array;
  stamp: FileStamp;
}

/**
 * Reads a model file except for its large values. Throws `RangeError` where a field is cut off; null where the file has
 * a form that only the decoder can judge.
 */
export function scanModel(file: string): Scanned | null {
  const handle = openSync(file, 'r');
  try {
    const { size, mtimeMs } = fstatSync(handle);
    const scanner = new Scanner(handle, size);
    const parts = scanner.message('model', 0, size);
    return parts && { bytes: Buffer.concat(parts), stamp: { size, mtimeMs } };
  } finally {
    closeSync(handle);
  }
}

/** After decoding: tensors whose values were cut out hold the place in `file`. */
export function holdCut(graph: GraphProto, file: string, stamp: FileStamp): void {
  for (const { tensor } of allTensors(graph)) {
    if (tensor.dataLocation !== DataLocation.EXTERNAL) continue;
    const { location, offset, length } = externalLocation(tensor);
    if (location === CUT && length !== null)
      hold(tensor, new FileBytes({ file, offset }, length, stamp));
  }
}

class Scanner {
  private window = new Uint8Array(0);
  private start = 0;

  constructor(
    private readonly handle: number,
    private readonly size: number,
  ) {}

  /** The message between two places without its large values, in pieces. */
  message(level: Level, from: number, to: number): Uint8Array[] | null {
    if (to - from < LARGE) return [this.bytes(from, to)];
    const parts: Uint8Array[] = [];
    const cuts: { field: number; at: number; length: number }[] = [];
    let dataType = 0;
    for (let at = from; at < to;) {
      const tag = this.varint(at);
      const [field, wire] = [tag.value >>> 3, tag.value & 7];
      let end: number;
      if (wire === (WireType.LengthDelimited as number)) {
        const length = this.varint(tag.end);
        const begin = length.end;
        end = begin + length.value;
        if (end > to) throw new RangeError('premature EOF');
        const inner = WAY[level][field];
        if (level === 'tensor' && field in VALUES && length.value >= LARGE)
          cuts.push({ field, at: begin, length: length.value });
        else if (inner) {
          const head = this.bytes(at, tag.end);
          const pieces = this.message(inner, begin, end);
          if (!pieces) return null;
          const total = pieces.reduce((n, p) => n + p.length, 0);
          parts.push(head, varintBytes(total), ...pieces);
        } else parts.push(this.bytes(at, end));
      } else {
        const after = this.skip(wire, tag.end);
        if (after === null) return null;
        end = after;
        if (end > to) throw new RangeError('premature EOF');
        if (level === 'tensor' && field === DATA_TYPE) dataType = this.varint(tag.end).value;
        parts.push(this.bytes(at, end));
      }
      at = end;
    }
    const [cut] = cuts;
    if (!cut) return parts;
    const type = VALUES[cut.field];
    // in pieces, or of a type that has no values of this kind: the decoder's business
    if (cuts.length > 1 || (type !== null && type !== dataType)) return null;
    return [...parts, place(cut.at, cut.length)];
  }

  /** The place behind a field that is no byte string; null for a group. */
  private skip(wire: number, at: number): number | null {
    if (wire === (WireType.Varint as number)) return this.varint(at).end;
    if (wire === (WireType.Bit64 as number)) return at + 8;
    if (wire === (WireType.Bit32 as number)) return at + 4;
    return null;
  }

  private varint(at: number): { value: number; end: number } {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte(at + i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { value, end: at + i + 1 };
    }
    throw new RangeError('invalid varint');
  }

  private byte(at: number): number {
    const i = at - this.start;
    if (i < 0 || i >= this.window.length) this.load(at, Math.min(WINDOW, this.size - at));
    const byte = this.window[at - this.start];
    if (byte === undefined) throw new RangeError('premature EOF');
    return byte;
  }

  private bytes(from: number, to: number): Uint8Array {
    if (from < this.start || to > this.start + this.window.length) {
      if (to > this.size) throw new RangeError('premature EOF');
      this.load(from, Math.max(to - from, Math.min(WINDOW, this.size - from)));
    }
    return this.window.slice(from - this.start, to - this.start);
  }

  private load(at: number, length: number): void {
    this.start = at;
    this.window = new Uint8Array(Math.max(0, length));
    for (let done = 0; done < length;) {
      const n = readSync(this.handle, this.window, done, length - done, at + done);
      if (n === 0) throw new RangeError('premature EOF');
      done += n;
    }
  }
}

/** `external_data` and `data_location` of values that stay where they are. */
function place(offset: number, length: number): Uint8Array {
  const writer = new BinaryWriter();
  const entries = { location: CUT, offset: String(offset), length: String(length) };
  for (const [key, value] of Object.entries(entries))
    writer
      .tag(EXTERNAL_DATA, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.LengthDelimited)
      .string(key)
      .tag(2, WireType.LengthDelimited)
      .string(value)
      .join();
  return writer.tag(DATA_LOCATION, WireType.Varint).uint32(DataLocation.EXTERNAL).finish();
}

function varintBytes(value: number): Uint8Array {
  return new BinaryWriter().uint32(value).finish();
}
