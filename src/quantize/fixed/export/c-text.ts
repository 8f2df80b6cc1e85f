/** Small pieces of C. */

/** A name as a C identifier. */
export function identifier(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : `model_${plain}`;
}

/** A text inside a comment: nothing in it can end or open one. */
export function inComment(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *');
}

/** A text as a C string of ASCII; other bytes in octal. */
export function quoted(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  const escaped = bytes.map((b) =>
    b < 32 || b > 126 || b === 34 || b === 92 || b === 63
      ? `\\${b.toString(8).padStart(3, '0')}`
      : String.fromCharCode(b),
  );
  return `"${escaped.join('')}"`;
}

/** Numbers in braces, sixteen in a line. */
export function braces(values: ArrayLike<number>): string {
  const lines: string[] = [];
  for (let i = 0; i < values.length; i += 16) {
    const row = Array.from({ length: Math.min(16, values.length - i) }, (_, k) =>
      number(values[i + k]!),
    );
    lines.push(`  ${row.join(', ')}`);
  }
  return `{\n${lines.join(',\n')}\n}`;
}

/** A whole number as an expression of its own type; the smallest ones have no literal. */
export function number(value: number): string {
  if (value === -Infinity) return 'INT64_MIN';
  if (value === Infinity) return 'INT64_MAX';
  if (value === -(2 ** 31)) return 'INT32_MIN';
  return Math.abs(value) >= 2 ** 31 ? `INT64_C(${value})` : String(value);
}
