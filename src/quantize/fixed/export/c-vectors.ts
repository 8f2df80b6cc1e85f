/** Test vectors as C, and a function that counts what differs from them. */
import type { FixedProgram } from '../program';
import { isSum, type StepNames } from './c-steps';
import { braces } from './c-text';
import type { TestVector } from './vectors';

/** @param sections how many functions run the whole */
export function vectorsText(
  { inputs, outputs }: FixedProgram,
  vectors: readonly TestVector[],
  sections: number,
  { prefix: p, tensors, bufferOf }: StepNames,
): string {
  const array = (kind: string, name: string, type: string, rows: readonly ArrayLike<number>[]) =>
    `static const ${type} ${kind}${bufferOf(name)}[${vectors.length}][${rows[0]!.length}] = {\n${rows.map(braces).join(',\n')}\n};`;
  if (vectors.length === 0)
    return `static inline unsigned long ${p}_self_test(void) { return 0; /* no samples were written */ }\n`;
  const typeOf = (name: string) => (isSum(tensors.get(name)!) ? 'int64_t' : 'int8_t');
  const arrays = [
    ...inputs.map((n) =>
      array(
        'in_',
        n,
        'int8_t',
        vectors.map((v) => v.inputs[n]!),
      ),
    ),
    ...outputs.map((n) =>
      array(
        'out_',
        n,
        typeOf(n),
        vectors.map((v) => v.outputs[n]!),
      ),
    ),
  ];
  const fill = (name: string) =>
    `    for (i = 0; i < sizeof ${bufferOf(name)}; i++) ${bufferOf(name)}[i] = in_${bufferOf(name)}[v][i];`;
  const check = (name: string) =>
    `    for (i = 0; i < sizeof ${bufferOf(name)} / sizeof *${bufferOf(name)}; i++) wrong += ${bufferOf(name)}[i] != out_${bufferOf(name)}[v][i];`;
  return [
    ...arrays,
    '',
    '/* How many codes of the results are not those of the vectors. */',
    `static inline unsigned long ${p}_self_test(void) {`,
    '  unsigned long wrong = 0;',
    '  size_t v, i;',
    `  for (v = 0; v < ${vectors.length}; v++) {`,
    ...inputs.map(fill),
    ...Array.from({ length: sections }, (_, i) => `    ${p}_run${i}();`),
    ...outputs.map(check),
    '  }',
    '  return wrong;',
    '}',
    '',
  ].join('\n');
}
