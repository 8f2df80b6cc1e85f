/** The constants of a program in the order of its steps, and where they lie in one block of bytes. */
import type { FixedProgram, FixedStep } from '../program';
import { crc32 } from './crc32';

/** One array: `w3` are the weights of step 3, `b` a bias, `s` shifts by channel, `c` an operand, `l` a table, `m` a movement. */
export interface FixedConstant {
  name: string;
  values: Int8Array | Int32Array;
  /** Place in the block, a multiple of 8. */
  offset: number;
}

export interface FixedConstants {
  list: FixedConstant[];
  /** All of them, little-endian, with zeros between. */
  block: Uint8Array;
  crc32: number;
}

/** Collects the constants of all steps. */
export function collectConstants({ steps }: FixedProgram): FixedConstants {
  const list: FixedConstant[] = [];
  let end = 0;
  steps.forEach((step, i) => {
    for (const [letter, values] of Object.entries(arraysOf(step))) {
      if (!values) continue;
      list.push({ name: `${letter}${i}`, values, offset: end });
      end = Math.ceil((end + values.byteLength) / 8) * 8;
    }
  });
  const block = new Uint8Array(end);
  const view = new DataView(block.buffer);
  for (const { values, offset } of list)
    values.forEach((value, i) => {
      if (values instanceof Int8Array) view.setInt8(offset + i, value);
      else view.setInt32(offset + 4 * i, value, true);
    });
  return { list, block, crc32: crc32(block) };
}

function arraysOf(step: FixedStep): Record<string, Int8Array | Int32Array | null> {
  const shift = step.requantize?.shift;
  const shifts = {
    s:
      step.op === 'concat'
        ? Int8Array.from(step.shifts)
        : Array.isArray(shift)
          ? Int8Array.from(shift)
          : null,
  };
  switch (step.op) {
    case 'conv':
    case 'matrix':
      return { w: step.weights, b: step.bias, ...shifts };
    case 'add':
    case 'subtract':
    case 'multiply':
      return { c: step.constant?.codes ?? null };
    case 'table':
      return { l: step.table };
    case 'move':
      return { m: step.source };
    default:
      return shifts;
  }
}
