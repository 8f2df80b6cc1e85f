// Draws media/icon.png: a main scale above and a vernier below, whose third line agrees. node media/icon.mjs
import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

const SIZE = 128;
const FINE = 4; // samples a pixel and direction

const INK = [0xe6, 0xe9, 0xee];
const AGREE = [0xfb, 0xc3, 0x5c];
const GROUND = [0x1b, 0x26, 0x36];

/** Rectangles [x, y, width, height, colour]: the edge between the scales, then their lines. */
const marks = [[16, 62.5, 96, 3, INK]];
for (let i = 0; i < 9; i++) {
  const long = i % 2 === 0;
  marks.push([22 + i * 10.5 - 1.75, long ? 26 : 42, 3.5, long ? 37 : 21, i === 4 ? AGREE : INK]);
}
for (let i = 0; i < 9; i++) {
  // nine tenths of a division: the vernier's lines meet the scale's only in the middle
  const long = i % 2 === 0;
  marks.push([64 + (i - 4) * 9.45 - 1.75, 65, 3.5, long ? 37 : 21, i === 4 ? AGREE : INK]);
}

/** Colour and cover of one sample: a rounded square with the marks on it. */
function sample(x, y) {
  const radius = 22;
  const dx = Math.max(radius - x, x - (SIZE - radius), 0);
  const dy = Math.max(radius - y, y - (SIZE - radius), 0);
  if (dx * dx + dy * dy > radius * radius) return null;
  const on = marks.findLast(([l, t, w, h]) => x >= l && x < l + w && y >= t && y < t + h);
  return on ? on[4] : GROUND;
}

const rows = Buffer.alloc(SIZE * (1 + 4 * SIZE));
for (let y = 0; y < SIZE; y++)
  for (let x = 0; x < SIZE; x++) {
    const sum = [0, 0, 0, 0];
    for (let i = 0; i < FINE * FINE; i++) {
      const color = sample(x + ((i % FINE) + 0.5) / FINE, y + (Math.floor(i / FINE) + 0.5) / FINE);
      if (!color) continue;
      color.forEach((part, c) => (sum[c] += part));
      sum[3]++;
    }
    const at = y * (1 + 4 * SIZE) + 1 + 4 * x;
    for (let c = 0; c < 3; c++) rows[at + c] = sum[3] ? Math.round(sum[c] / sum[3]) : 0;
    rows[at + 3] = Math.round((255 * sum[3]) / (FINE * FINE));
  }

/** CRC-32 of a PNG chunk (https://www.w3.org/TR/png/#D-CRCAppendix). */
function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc(body));
  return Buffer.concat([length, body, check]);
}

const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8);
writeFileSync(
  new URL('icon.png', import.meta.url),
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);
