/** Words that sentences of several reports share. */

/** With a capital first letter. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Where samples come from: the first of a list of files stands for all. */
export function sourceName(source: string): string {
  const [first, ...more] = source.split(', ');
  return more.length > 0 ? `${first} and ${more.length} more` : source;
}

/** What trials were compared on. @param samples their number, where that is not what was asked for */
export function comparedOn(
  measuredOn: { samples: number; source: string; random: boolean },
  samples = measuredOn.samples,
): string {
  return measuredOn.random
    ? 'random input, which says nothing of accuracy'
    : `${samples} samples of ${sourceName(measuredOn.source)}`;
}

/** Intra-op threads of timed sessions; 0 is the runtime's default. */
export function threadsText(threads: number): string {
  return threads === 0 ? "the runtime's threads" : `threads: ${threads}`;
}
