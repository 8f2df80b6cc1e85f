/** Parts of a text with an empty line between them; empty ones are left out. */
export function paragraphs(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The same for terminals: they and whoever parses their output get the hyphen for a minus. */
export function terminalText(parts: readonly string[]): string {
  return paragraphs(parts).replaceAll('−', '-');
}
