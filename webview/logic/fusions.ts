import type {
  FusionBlockerCode,
  FusionCandidate,
  FusionPatternName,
  FusionStatus,
  QuantizationBreak,
} from '../../src/protocol';

/** Breaks stand behind what is blocked: there, too, one can do something. */
export const FUSION_PARTS = ['blocked', 'breaks', 'will', 'done'] as const;
export type FusionPart = (typeof FUSION_PARTS)[number];

/** What of the list is shown; null is everything. */
export interface FusionFilter {
  part: FusionPart | null;
  pattern: FusionPatternName | null;
}

/** A line of the list; `name` is its own. */
export type FusionLine = { name: string } & (
  | { kind: 'part'; part: FusionPart; count: number }
  /** Says once what holds for all of the lines behind it: what they gain, or what is in their way. */
  | {
      kind: 'group';
      status: FusionStatus;
      pattern: FusionPatternName;
      blocked: FusionBlockerCode | null;
      first: FusionCandidate;
      count: number;
    }
  | { kind: 'fusion'; fusion: FusionCandidate }
  | { kind: 'why'; first: QuantizationBreak; count: number }
  | { kind: 'break'; found: QuantizationBreak }
);

/** How many there are of each part, and the patterns by name. */
export function fusionCounts(
  fusions: readonly FusionCandidate[],
  breaks: readonly QuantizationBreak[],
): { parts: Record<FusionPart, number>; patterns: [FusionPatternName, number][] } {
  const parts = { blocked: 0, breaks: breaks.length, will: 0, done: 0 };
  const patterns = new Map<FusionPatternName, number>();
  for (const { status, pattern } of fusions) {
    parts[status]++;
    patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1);
  }
  return { parts, patterns: [...patterns].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/**
 * The lines of the view: part by part; in a part the groups of one pattern (and one kind of obstacle, or the same makers),
 * the largest first, in graph order within. Breaks belong to no pattern.
 */
export function fusionLines(
  fusions: readonly FusionCandidate[],
  breaks: readonly QuantizationBreak[],
  { part: only, pattern: wanted }: FusionFilter,
): FusionLine[] {
  const shown = fusions.filter(({ pattern }) => wanted === null || pattern === wanted);
  return FUSION_PARTS.filter((part) => only === null || part === only).flatMap((part) => {
    const lines =
      part === 'breaks'
        ? breakLines(wanted === null ? breaks : [])
        : groupLines(shown.filter(({ status }) => status === part));
    const count = lines.filter(({ kind }) => kind === 'fusion' || kind === 'break').length;
    return count > 0 ? [{ kind: 'part', name: `part ${part}`, part, count }, ...lines] : [];
  });
}

function groupLines(fusions: readonly FusionCandidate[]): FusionLine[] {
  const code = ({ blockedBy }: FusionCandidate) => blockedBy?.code ?? null;
  // of what is to come it is said who does it; of the rest that no longer matters
  const who = ({ status, by }: FusionCandidate) =>
    status === 'will' ? by.map(({ name }) => name).join() : '';
  const keyOf = (f: FusionCandidate) => `${f.status} ${f.pattern} ${code(f)} ${who(f)}`;
  return grouped(fusions, keyOf).flatMap(([key, group]) => {
    const first = group[0]!;
    const { status, pattern } = first;
    const head = { status, pattern, blocked: code(first), first, count: group.length };
    const members = group.map((fusion): FusionLine => {
      const nodes = fusion.nodes.map(({ name }) => name).join(' ');
      return { kind: 'fusion', name: `${key} ${nodes}`, fusion };
    });
    return [{ kind: 'group', name: key, ...head }, ...members];
  });
}

function breakLines(breaks: readonly QuantizationBreak[]): FusionLine[] {
  return grouped(breaks, ({ code, op }) => `break ${code} ${op}`).flatMap(([key, group]) => [
    { kind: 'why', name: key, first: group[0]!, count: group.length },
    ...group.map((found, i): FusionLine => ({ kind: 'break', name: `${key} ${i}`, found })),
  ]);
}

/** Lists by their key, the longest first, the order kept within. */
function grouped<T>(list: readonly T[], keyOf: (one: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length);
}
