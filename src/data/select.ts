import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Note } from '../results';
import { toNumbers } from './cast';
import type { Feed, Held, RawSource, SampleSource } from './source';

/**
 * `count` of `total` positions, spread evenly and always the same: sample i is position ⌊i·total/count⌋. All of them,
 * in order, where `count` is not smaller.
 */
export function spread(total: number, count = total): number[] {
  const n = Math.min(total, count);
  return Array.from({ length: n }, (_, i) => Math.floor((i * total) / n));
}

/** Several sources as one, in their order. A source of one is itself. */
export function concatenate(parts: readonly RawSource[]): RawSource {
  if (parts.length === 1) return parts[0]!;
  const starts: number[] = [];
  let total = 0;
  for (const part of parts) {
    starts.push(total);
    total += part.total;
  }
  const locate = (position: number): [RawSource, number] => {
    let at = parts.length - 1;
    while (at > 0 && starts[at]! > position) at--;
    return [parts[at]!, position - starts[at]!];
  };
  return {
    total,
    files: parts.flatMap(({ files }) => files),
    settings: parts.map(({ settings }) => settings),
    fresh: parts.every(({ fresh }) => fresh),
    get notes() {
      return parts.flatMap(({ notes }) => notes ?? []);
    },
    sample(position) {
      const [part, at] = locate(position);
      return part.sample(at);
    },
    hold(position) {
      const [part, at] = locate(position);
      return hold(part, at);
    },
    origin(position) {
      const [part, at] = locate(position);
      return part.origin(at);
    },
  };
}

function hold(raw: RawSource, position: number): Promise<Held> {
  return raw.hold?.(position) ?? raw.sample(position).then(holdFeed);
}

/** A feed as it is. */
export function holdFeed(feed: Feed): Held {
  const bytes = Object.values(feed).reduce((sum, { data }) => sum + data.byteLength, 0);
  return { bytes, feed: () => feed };
}

/** The samples to use of a raw source, with a check of their values. */
export function selectSamples(name: string, raw: RawSource, samples?: number): SampleSource {
  const positions = spread(raw.total, samples);
  const notFinite = new NotFinite();
  const position = (i: number) => {
    const at = positions[i];
    if (at === undefined) throw new RangeError(`Sample ${i} of ${positions.length}.`);
    return at;
  };
  return {
    name,
    count: positions.length,
    total: raw.total,
    random: raw.random ?? false,
    fresh: raw.fresh ?? false,
    classes: raw.classes ?? null,
    get notes() {
      return [...(raw.notes ?? []), ...notFinite.notes()];
    },
    async sample(i) {
      const feed = await raw.sample(position(i));
      notFinite.check(feed, raw, position(i));
      return feed;
    },
    async hold(i) {
      const held = await hold(raw, position(i));
      notFinite.check(held.feed(), raw, position(i));
      return held;
    },
    origin: (i) => raw.origin(position(i)),
    position,
    classOf: (i) => raw.classOf?.(position(i)) ?? null,
    key: () => contentKey(raw, positions),
  };
}

/** Remembers where NaNs and infinities stood: one note for each input, with the first place and the count. */
class NotFinite {
  private readonly found = new Map<string, { first: string; file: string; samples: Set<number> }>();

  check(feed: Feed, raw: RawSource, position: number): void {
    for (const [name, { data, type }] of Object.entries(feed)) {
      if (!type.includes('float')) continue;
      const values = toNumbers(data, type);
      let at = 0;
      while (at < values.length && Number.isFinite(values[at])) at++;
      if (at === values.length) continue;
      const { file, index } = raw.origin(position);
      const first = `${file ?? 'random data'}${index === null ? '' : `, sample ${index}`}, element ${at} (${values[at]})`;
      const seen = this.found.get(name) ?? { first, file: file ?? '', samples: new Set() };
      this.found.set(name, seen);
      seen.samples.add(position);
    }
  }

  notes(): Note[] {
    return [...this.found].map(([tensor, { first, file, samples }]) => ({
      code: 'data.not-finite',
      severity: 'warning',
      message: `${samples.size} ${samples.size === 1 ? 'sample has' : 'samples have'} values of input '${tensor}' that are not finite, the first in ${first}.`,
      tensor,
      file,
      remedy: 'Take these samples out, or fill the gaps as it was done in training.',
    }));
  }
}

/** Files up to here count by content; larger ones by size, time and both ends. */
const HASHED_WHOLE = 256 * 2 ** 20;

async function contentKey(raw: RawSource, positions: number[]): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([raw.settings, positions.length, raw.total]));
  for (const file of raw.files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`\n${basename(file)} ${size}\n`);
    if (size <= HASHED_WHOLE)
      for await (const part of createReadStream(file)) hash.update(part as Buffer);
    else {
      hash.update(String(mtimeMs));
      const handle = await open(file);
      try {
        for (const at of [0, size - 65536])
          hash.update((await handle.read(new Uint8Array(65536), 0, 65536, at)).buffer);
      } finally {
        await handle.close();
      }
    }
  }
  return hash.digest('hex');
}
