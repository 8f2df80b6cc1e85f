import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The open models and data beside the repository. Tests that need them are skipped, and say so, where they are not there. */
export const SHARED = path.resolve(import.meta.dirname, '../../../shared/data');
export const hasShared = existsSync(path.join(SHARED, 'models'));
if (!hasShared) console.warn('skipped: there is no ../shared/data');

export const sharedFile = (...parts: string[]) => path.join(SHARED, ...parts);

const pictures = (folder: string, end: RegExp) =>
  readdirSync(sharedFile('data', folder))
    .filter((name) => end.test(name))
    .sort()
    .map((name) => sharedFile('data', folder, name));

/** The files of a labels.csv in its own order. */
function listed(folder: string): string[] {
  const lines = readFileSync(sharedFile('data', folder, 'labels.csv'), 'utf8')
    .trim()
    .split('\n');
  return lines.slice(1).map((line) => sharedFile('data', folder, line.split(',')[0]!));
}

/** Every n-th, at most so many: the split of PEERS.md. */
export const every = <T>(n: number, values: readonly T[], most = Infinity): T[] =>
  values.filter((_, i) => i % n === 0).slice(0, most);

/** 200 photographs in the order of their labels. */
export const imagenet = () => listed('imagenet_200');
/** 1000 pictures of ten classes, class by class. */
export const cifar = () => listed('cifar10_test_1000');
/** 40 photographs, and the faces after them. */
export const photos = () => pictures('imagenet_200', /\.JPEG$/).slice(0, 40);
export const faces = () => pictures('faces', /\.jpg$/);

/** 5000 handwritten digits, 28×28 bytes as floats, and what they are. */
export function digits(): { images: Float32Array; labels: BigInt64Array; count: number } {
  const read = (name: string, header: number) =>
    readFileSync(sharedFile('data', 'mnist_t10k', name)).subarray(header);
  const labels = BigInt64Array.from(Array.from(read('labels-idx1-ubyte', 8), BigInt));
  const count = labels.length;
  const images = Float32Array.from(read('images-idx3-ubyte', 16).subarray(0, count * 784));
  return { images, labels, count };
}

/** Windows of 129 characters of Shakespeare: 256 of the last tenth, 64 of what comes before. */
export function windows(): { evaluation: BigInt64Array[]; calibration: BigInt64Array[] } {
  const text = readFileSync(sharedFile('data', 'text', 'tinyshakespeare.txt'), 'utf8');
  const codes = new Map([...new Set(text)].sort().map((c, i) => [c, BigInt(i)]));
  const all = BigInt64Array.from([...text].map((c) => codes.get(c)!));
  const cut = Math.floor(all.length * 0.9);
  const at = (part: BigInt64Array, n: number) =>
    Array.from({ length: n }, (_, i) => {
      const start = Math.trunc((i * (part.length - 130)) / (n - 1));
      return part.slice(start, start + 129);
    });
  return { evaluation: at(all.subarray(cut), 256), calibration: at(all.subarray(0, cut), 64) };
}
