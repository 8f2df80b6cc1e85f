/** NumPy's archives: ZIP files of arrays (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, with ZIP64). */
import { inflateSync } from 'fflate';
import { VernierError } from '../errors';
import { fileBytes, memoryBytes, truncated, type ByteSource } from './bytes';
import { openNpy, type NpyArray } from './npy';

interface Entry {
  name: string;
  method: number;
  packed: number;
  size: number;
  header: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const FULL = 0xffffffff;

/**
 * The arrays of an archive by name (without `.npy`). Stored arrays (`numpy.savez`) stay in the file and are read
 * by slices; deflated ones (`numpy.savez_compressed`) are inflated once, here, and stay in memory.
 * @param wanted names to open; others are left alone. Default all.
 * @throws VernierError `data.not-found`, `data.bad-format`, `data.wrong-type`.
 */
export async function openNpz(
  file: string,
  wanted?: (name: string) => boolean,
): Promise<Map<string, NpyArray>> {
  const archive = await fileBytes(file);
  const arrays = new Map<string, NpyArray>();
  for (const entry of await listEntries(archive)) {
    const name = entry.name.replace(/\.npy$/, '');
    if (!entry.name.endsWith('.npy') || (wanted && !wanted(name))) continue;
    const bytes = await openEntry(archive, entry);
    arrays.set(name, await openNpy(bytes, `Array '${name}' of ${file}`));
  }
  return arrays;
}

/** Names of the arrays in an archive, in its order. */
export async function listNpz(file: string): Promise<string[]> {
  const entries = await listEntries(await fileBytes(file));
  return entries.flatMap(({ name }) => (name.endsWith('.npy') ? [name.slice(0, -4)] : []));
}

async function listEntries(archive: ByteSource): Promise<Entry[]> {
  const { file, size } = archive;
  const bad = () =>
    new VernierError('data.bad-format', `${file} is not a NumPy archive, or is damaged.`, {
      file,
      remedy: 'Write it again with numpy.savez.',
    });
  // 1. The end record lies before a comment of at most 65535 bytes.
  const tailStart = Math.max(0, size - 22 - 65535);
  const tail = view(await archive.read(tailStart, size - tailStart));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) throw bad();
  let count = tail.getUint16(end + 10, true);
  let directorySize = tail.getUint32(end + 12, true);
  let directory = tail.getUint32(end + 16, true);
  // 2. ZIP64 has its own end record, which a locator before the first one names.
  if (end >= 20 && tail.getUint32(end - 20, true) === LOCATOR64) {
    const record = view(await archive.read(Number(tail.getBigUint64(end - 12, true)), 56));
    if (record.getUint32(0, true) !== END64) throw bad();
    count = Number(record.getBigUint64(32, true));
    directorySize = Number(record.getBigUint64(40, true));
    directory = Number(record.getBigUint64(48, true));
  }
  if (directory + directorySize > size) throw truncated(file);
  // 3. The directory itself.
  const listing = view(await archive.read(directory, directorySize));
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count;) {
    if (at + 46 > listing.byteLength || listing.getUint32(at, true) !== CENTRAL) throw bad();
    const nameLength = listing.getUint16(at + 28, true);
    const extraLength = listing.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + listing.getUint16(at + 32, true);
    if (next > listing.byteLength) throw bad();
    const name = new Uint8Array(listing.buffer, listing.byteOffset + at + 46, nameLength);
    const entry: Entry = {
      name: new TextDecoder().decode(name),
      method: listing.getUint16(at + 10, true),
      packed: listing.getUint32(at + 20, true),
      size: listing.getUint32(at + 24, true),
      header: listing.getUint32(at + 42, true),
    };
    widen(entry, listing, at + 46 + nameLength, extraLength);
    entries.push(entry);
    at = next;
  }
  return entries;
}

/** Puts the 64-bit numbers of an entry's extra field where its own fields are full. */
function widen(entry: Entry, listing: DataView, start: number, length: number): void {
  for (let at = start; at + 4 <= start + length; at += 4 + listing.getUint16(at + 2, true)) {
    if (listing.getUint16(at, true) !== 1) continue;
    let value = at + 4;
    for (const field of ['size', 'packed', 'header'] as const)
      if (entry[field] === FULL && value + 8 <= start + length) {
        entry[field] = Number(listing.getBigUint64(value, true));
        value += 8;
      }
  }
}

async function openEntry(archive: ByteSource, entry: Entry): Promise<ByteSource> {
  const { file } = archive;
  const header = view(await archive.read(entry.header, 30));
  const start = entry.header + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (header.getUint32(0, true) !== LOCAL || start + entry.packed > archive.size)
    throw truncated(file, `${file} ends within '${entry.name}'.`);
  if (entry.method === 0) return fileBytes(file, start, entry.packed);
  if (entry.method !== 8)
    throw new VernierError(
      'data.bad-format',
      `'${entry.name}' of ${file} is packed by an unknown method (${entry.method}).`,
      { file, remedy: 'Write it again with numpy.savez.' },
    );
  try {
    const packed = await archive.read(start, entry.packed);
    const bytes = inflateSync(packed, { out: new Uint8Array(entry.size) });
    if (bytes.length !== entry.size) throw new RangeError('short');
    return memoryBytes(file, bytes);
  } catch (cause) {
    throw new VernierError(
      'data.bad-format',
      `'${entry.name}' of ${file} cannot be inflated.`,
      { file, remedy: 'The file is damaged: write or copy it again.' },
      { cause },
    );
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
