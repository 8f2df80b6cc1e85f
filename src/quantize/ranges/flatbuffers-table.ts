/**
 * The `calibration.flatbuffers` of onnxruntime's `write_calibration_table`, which its TensorRT provider reads:
 *
 *     table TrtTable { dict: [KeyValue]; }
 *     table KeyValue { key: string; value: string; }   // the value is a number as text
 *
 * FlatBuffers: a root offset, tables that begin with the way back to their vtable, vectors and strings behind relative
 * offsets, all little endian (google.github.io/flatbuffers/flatbuffers_internals.html).
 */

/** Keys and values of a table; null for bytes that are none. */
export function readTable(bytes: Uint8Array): Map<string, string> | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const root = view.getUint32(0, true);
    const dict = field(view, root, 0);
    if (dict === null) return null;
    const found = new Map<string, string>();
    const length = view.getUint32(dict, true);
    if (length * 4 > bytes.length) return null;
    for (let i = 0; i < length; i++) {
      const at = dict + 4 + i * 4;
      const entry = at + view.getUint32(at, true);
      const [key, value] = [stringAt(view, entry, 0), stringAt(view, entry, 1)];
      if (key === null || value === null) return null;
      found.set(key, value);
    }
    return found.size > 0 ? found : null;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

/** Writes such a table. */
export function writeTable(entries: ReadonlyMap<string, string>): Uint8Array {
  const text = new TextEncoder();
  const strings = [...entries].flatMap(([key, value]) => [text.encode(key), text.encode(value)]);
  const align = (at: number) => Math.ceil(at / 4) * 4;
  // 1. Places: root offset, vtables, root table, vector, entries, strings.
  const [rootVtable, entryVtable, root] = [4, 12, 20];
  const vector = root + 8;
  const tables = vector + 4 + entries.size * 4;
  let at = tables + entries.size * 12;
  const places = strings.map((string) => {
    const place = at;
    at = align(at + 4 + string.length + 1);
    return place;
  });
  // 2. Bytes.
  const bytes = new Uint8Array(at);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, root, true);
  for (const [place, sizes] of [
    [rootVtable, [6, 8, 4]],
    [entryVtable, [8, 12, 4, 8]],
  ] as const)
    sizes.forEach((size, i) => view.setUint16(place + i * 2, size, true));
  view.setInt32(root, root - rootVtable, true);
  view.setUint32(root + 4, vector - (root + 4), true);
  view.setUint32(vector, entries.size, true);
  for (let i = 0; i < entries.size; i++) {
    const table = tables + i * 12;
    view.setUint32(vector + 4 + i * 4, table - (vector + 4 + i * 4), true);
    view.setInt32(table, table - entryVtable, true);
    for (const k of [0, 1])
      view.setUint32(table + 4 + k * 4, places[2 * i + k]! - (table + 4 + k * 4), true);
  }
  strings.forEach((string, i) => {
    view.setUint32(places[i]!, string.length, true);
    bytes.set(string, places[i]! + 4);
  });
  return bytes;
}

/** Where what field `index` of the table at `table` refers to begins; null if the table has no such field. */
function field(view: DataView, table: number, index: number): number | null {
  const vtable = table - view.getInt32(table, true);
  const slot = 4 + index * 2;
  if (slot >= view.getUint16(vtable, true)) return null;
  const offset = view.getUint16(vtable + slot, true);
  if (offset === 0) return null;
  const at = table + offset;
  return at + view.getUint32(at, true);
}

function stringAt(view: DataView, table: number, index: number): string | null {
  const at = field(view, table, index);
  if (at === null) return null;
  const length = view.getUint32(at, true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + 4, length);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
