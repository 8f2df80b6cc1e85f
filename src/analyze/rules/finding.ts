import type { Finding } from '../../results';

/** Collects findings; one of the same code and node is kept once. */
export class Findings {
  readonly list: Finding[] = [];
  private readonly seen = new Set<string>();

  add(finding: Finding): void {
    const key = `${finding.code} ${finding.node ?? ''} ${finding.tensor ?? ''}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.list.push(finding);
  }
}
