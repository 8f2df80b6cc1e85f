/** A program as JSON, for tools that make hardware of it. The keys are described in docs/fixed-point.md. */
import { formatText } from '../format';
import {
  sumBits,
  type ConvStep,
  type FixedProgram,
  type FixedStep,
  type MatrixStep,
} from '../program';
import type { FixedConstants } from './constants';
import type { HeaderOptions } from './c-header';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Says which description of the keys holds. */
export const FORMAT = { format: 'vernier-fixed', version: 1 } as const;

/** The document's text. The same program gives the same bytes. */
export function jsonText(
  program: FixedProgram,
  constants: FixedConstants,
  { name, sha256, bin, vectors }: HeaderOptions,
  accumulatorBits: number,
): string {
  const document: Json = {
    ...FORMAT,
    model: name,
    model_sha256: sha256,
    notation: 'Qm.n as ARM writes it: m + n bits, the sign among the m; value = code / 2^n',
    rounding: 'half to even',
    overflow: 'saturate',
    accumulator_bits: accumulatorBits,
    tensors: program.tensors.map((t) => ({
      name: t.name,
      stands_for: t.stands,
      role: t.role,
      shape: [...t.shape],
      ...formatOf(t.format),
      codes: [t.codes.low, t.codes.high],
    })),
    inputs: [...program.inputs],
    outputs: [...program.outputs],
    steps: program.steps.map((step, i) => stepDocument(step, i, constants)),
    host: program.host.map((h) => ({ ...h })),
    constants: constants.list.map(({ name: own, values, offset }) => ({
      name: own,
      type: values instanceof Int8Array ? 'int8' : 'int32',
      length: values.length,
      offset,
      ...(bin === null ? { base64: slice(constants, offset, values.byteLength) } : {}),
    })),
    constants_file: bin,
    constants_crc32: constants.crc32.toString(16).padStart(8, '0'),
    vectors: vectors.map((v) => ({
      inputs: Object.fromEntries(Object.entries(v.inputs).map(([k, c]) => [k, Array.from(c)])),
      outputs: { ...v.outputs },
    })),
  };
  return `${JSON.stringify(document)}\n`;
}

function formatOf({ bits, fraction }: { bits: number; fraction: number | readonly number[] }): {
  [key: string]: Json;
} {
  const places = typeof fraction === 'number' ? fraction : [...fraction];
  return { bits, fraction: places, format: formatText({ bits, fraction }) };
}

function slice({ block }: FixedConstants, offset: number, bytes: number): string {
  return Buffer.from(block.subarray(offset, offset + bytes)).toString('base64');
}

/** A step: its numbers as they are, its arrays by the names of constants. */
function stepDocument(step: FixedStep, i: number, { list }: FixedConstants): Json {
  const names = new Set(list.map((c) => c.name));
  const constant = (letter: string) => (names.has(`${letter}${i}`) ? `${letter}${i}` : null);
  const { op, name, inputs, output, dims, requantize, sum, sumFraction } = step;
  const base: { [key: string]: Json } = {
    op,
    name,
    inputs: [...inputs],
    output,
    dims: [...dims],
    sum: {
      low: sum.low,
      high: sum.high,
      ...formatOf({ bits: sumBits(step), fraction: sumFraction }),
    },
    requantize: requantize && {
      shift: constant('s') ?? requantize.shift,
      low: finite(requantize.low),
      high: finite(requantize.high),
    },
  };
  switch (step.op) {
    case 'conv': {
      const { channels, group } = step;
      return { ...base, ...windowOf(step), channels, group, ...productOf(step, constant) };
    }
    case 'matrix': {
      const { rows, depth, columns } = step;
      return { ...base, rows, depth, columns, ...productOf(step, constant) };
    }
    case 'add':
    case 'subtract':
    case 'multiply':
      return {
        ...base,
        align: [...step.align],
        constant: step.constant && {
          constant: constant('c'),
          shape: [...step.constant.shape],
          first: step.constant.first,
          ...formatOf({ bits: 8, fraction: step.constant.fraction }),
        },
      };
    case 'average-pool':
      return { ...base, ...windowOf(step), divisor: step.divisor, left_shift: step.scale };
    case 'max-pool':
      return { ...base, ...windowOf(step) };
    case 'concat':
      return { ...base, axis: step.axis, shifts: constant('s') };
    case 'table':
      return { ...base, table: constant('l') };
    case 'move':
      return { ...base, source: constant('m') };
    case 'view':
    case 'requantize':
      return base;
  }
}

/** Weights and bias of a product. */
function productOf(
  step: ConvStep | MatrixStep,
  constant: (letter: string) => string | null,
): { [key: string]: Json } {
  return {
    weights: { constant: constant('w'), ...formatOf({ bits: 8, fraction: step.weightFraction }) },
    bias: step.bias && {
      constant: constant('b'),
      ...formatOf({ bits: 32, fraction: step.sumFraction }),
    },
  };
}

/** JSON has no infinities: no bound is null. */
function finite(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null;
}

function windowOf(step: {
  kernel: number[];
  strides: number[];
  dilations: number[];
  begin: number[];
}): {
  [key: string]: Json;
} {
  const { kernel, strides, dilations, begin } = step;
  return {
    kernel: [...kernel],
    strides: [...strides],
    dilations: [...dilations],
    pad_begin: [...begin],
  };
}
