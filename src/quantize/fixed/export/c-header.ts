/** A program as one C99 header: formats, constants, the network itself, test vectors. */
import type { FixedProgram } from '../program';
import type { FixedConstants } from './constants';
import { kernelText } from './c-kernels';
import { isSum, stepText, tensorText, type StepNames } from './c-steps';
import { vectorsText } from './c-vectors';
import { braces, identifier, inComment, quoted } from './c-text';
import { sectionsOf, type Section } from './sections';
import { stepSummary } from './summary';
import type { TestVector } from './vectors';

/** What is written besides the program. */
export interface HeaderOptions {
  /** Name of the model's file without its ending, e.g. `factor-cnn.int8`. */
  name: string;
  /** SHA-256 of the model's file. */
  sha256: string;
  /** Name of the file that holds the constants; null where they stand in the header. */
  bin: string | null;
  vectors: readonly TestVector[];
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The header's text. The same program gives the same bytes. */
export function headerText(
  program: FixedProgram,
  constants: FixedConstants,
  options: HeaderOptions,
): string {
  const p = identifier(options.name);
  const tensors = new Map(program.tensors.map((t) => [t.name, t]));
  const places = new Map(program.tensors.map((t, i) => [t.name, i]));
  const names: StepNames = { prefix: p, tensors, bufferOf: (name) => `${p}_t${places.get(name)}` };
  const guard = `${p.toUpperCase()}_FIXED_H`;
  const parts = [
    opening(program, constants, options, p),
    `#ifndef ${guard}\n#define ${guard}\n\n#include <stddef.h>\n#include <stdint.h>\n`,
    `#define ${p.toUpperCase()}_CRC32 0x${hex(constants.crc32)}u`,
    layerTable(program, names),
    `#ifdef ${p.toUpperCase()}_IMPLEMENTATION\n`,
    kernelText(program.steps.map((s) => s.op)).replaceAll('P_', `${p}_`),
    constantsText(constants, options.bin, p),
    buffersText(program, names),
    ...program.steps.map((_, i) => stepText(program, i, names)),
    ...sectionsOf(program).map((section, i) => sectionText(section, i, names)),
    `#ifdef ${p.toUpperCase()}_TEST_VECTORS\n`,
    vectorsText(program, options.vectors, sectionsOf(program).length, names),
    `#endif\n\n#endif\n\n#endif`,
  ];
  return `${parts.join('\n')}\n`;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function opening(
  program: FixedProgram,
  { block }: FixedConstants,
  { name, sha256, bin, vectors }: HeaderOptions,
  p: string,
): string {
  const upper = p.toUpperCase();
  const host = program.host.map((h) => `   ${inComment(`${h.op} '${h.name}'`)}`);
  const load = bin
    ? [
        `Constants (${block.length} bytes) are in ${inComment(bin)}: read it into memory that begins at a multiple of 8,`,
        `call ${p}_load(memory) once, and keep it. Little-endian machines only.`,
      ]
    : [`Constants (${block.length} bytes as packed) stand in this file.`];
  return [
    `/* ${inComment(name)} in fixed point, written by Vernier.`,
    `   Model: SHA-256 ${sha256}`,
    '',
    "   Formats are Qm.n in ARM's notation: m + n bits with the sign among the m, value = code / 2^n.",
    '   A layer adds whole products, shifts the sum right, rounds half to even and clamps. Rounding half to even is what',
    "   ONNX's QuantizeLinear does; a design that adds half and truncates differs in codes that lie between two.",
    `   ${load.join('\n   ')}`,
    '',
    `   In one file of yours: #define ${upper}_IMPLEMENTATION before the #include; everything is static there. Fill the`,
    '   buffers that a section names, call it, read the buffers that it gives. Every tensor has a buffer of its own.',
    `   With ${upper}_TEST_VECTORS defined too, ${p}_self_test() counts wrong codes on ${vectors.length} sample(s): 0 is right.`,
    ...(host.length > 0 ? ['', '   These nodes stay in float, outside:', ...host] : []),
    '*/',
  ].join('\n');
}

function layerTable(program: FixedProgram, { prefix: p, tensors }: StepNames): string {
  const rows = program.steps.map((step) => {
    const s = stepSummary(step, tensors);
    const texts = [
      step.name,
      step.op,
      s.inputs.join(' '),
      s.weight ?? '',
      s.bias ?? '',
      s.accumulator,
      s.output,
    ];
    const numbers = [s.shift?.[0] ?? 0, s.shift?.[1] ?? 0, s.sumBits];
    return `  { ${[...texts.map((t) => quoted(t.replaceAll(' … ', '..'))), ...numbers].join(', ')} }`;
  });
  return [
    '',
    '/* Every step with the formats of what it reads, adds up and gives. */',
    'typedef struct {',
    '  const char *name, *op, *inputs, *weights, *bias, *accumulator, *output;',
    '  int shift_low, shift_high; /* right shifts of all channels */',
    '  int sum_bits;              /* that the widest sum can need */',
    `} ${p}_layer;`,
    `#define ${p.toUpperCase()}_LAYERS ${rows.length}`,
    `static const ${p}_layer ${p}_layers[] = {`,
    rows.join(',\n'),
    '};',
    '',
  ].join('\n');
}

function constantsText(
  { list, block, crc32 }: FixedConstants,
  bin: string | null,
  p: string,
): string {
  const typeOf = (values: Int8Array | Int32Array) =>
    values instanceof Int8Array ? 'int8_t' : 'int32_t';
  const inside = list.filter((c) => bin === null || c.name.startsWith('s'));
  const outside = list.filter((c) => !inside.includes(c));
  const arrays = inside.map(
    ({ name, values }) =>
      `static const ${typeOf(values)} ${p}_${name}[${values.length}] = ${braces(values)};`,
  );
  if (outside.length === 0) return [...arrays, ''].join('\n');
  const pointers = outside.map(
    ({ name, values, offset }) =>
      `static const ${typeOf(values)} *${p}_${name}; /* ${values.length} at ${offset} */`,
  );
  const loads = outside.map(
    ({ name, values, offset }) =>
      `  ${p}_${name} = (const ${typeOf(values)} *)(const void *)(memory + ${offset});`,
  );
  return [
    ...arrays,
    ...pointers,
    `#define ${p.toUpperCase()}_BIN_BYTES ${block.length} /* CRC-32 0x${hex(crc32)} */`,
    `static inline void ${p}_load(const unsigned char *memory) {`,
    ...loads,
    '}',
    '',
  ].join('\n');
}

function buffersText(program: FixedProgram, { prefix: p, bufferOf }: StepNames): string {
  const lines = program.tensors.map((tensor) => {
    const type = isSum(tensor) ? 'int64_t' : 'int8_t';
    const role = tensor.role === 'inner' ? '' : `${tensor.role}: `;
    return `static ${type} ${bufferOf(tensor.name)}[${size(tensor.shape)}]; /* ${role}${tensorText(tensor)} */`;
  });
  return [`/* Buffers of ${p} by tensor. */`, ...lines, ''].join('\n');
}

function sectionText(
  { steps, fills, gives }: Section,
  i: number,
  { prefix: p, bufferOf }: StepNames,
): string {
  const named = (list: readonly string[]) =>
    list.length > 0 ? list.map(bufferOf).join(', ') : 'nothing';
  return [
    `/* Section ${i}: fill ${named(fills)}; gives ${named(gives)}. */`,
    `static inline void ${p}_run${i}(void) {`,
    ...steps.map((s) => `  ${p}_step${s}();`),
    '}',
    '',
  ].join('\n');
}
