import type { FusionBlocker, Note } from '../results';

/** Why a pass left a node as it is; texts are made where it is shown, but for a remedy of its own. */
export type Declined = Pick<FusionBlocker, 'code' | 'node' | 'tensor' | 'value'> & {
  remedy?: string;
};

/** What passes tell about their work: notes for people, which node leads to which, and why one was left. */
export class PassContext {
  readonly notes: Note[] = [];
  private readonly hosts = new Map<string, string>();
  private readonly operators = new Map<string, string>();
  private readonly left = new Map<string, Declined>();

  /** Records that node `name` now lives in node `host` (folded into it or absorbed by it). */
  absorb(name: string, host: string): void {
    if (name !== host) this.hosts.set(name, host);
  }

  /** The node that answers for `name` today; itself where it was never absorbed. */
  hostOf(name: string): string {
    let host = name;
    for (let next = this.hosts.get(host); next !== undefined; next = this.hosts.get(host))
      host = next;
    return host;
  }

  /** Names that lead to `host`, in the order in which they were absorbed. */
  absorbedBy(host: string): string[] {
    return [...this.hosts.keys()].filter((name) => this.hostOf(name) === host);
  }

  /** {@link absorbedBy} of every host, in one walk. */
  absorbedByHost(): Map<string, string[]> {
    const all = new Map<string, string[]>();
    for (const name of this.hosts.keys()) {
      const host = this.hostOf(name);
      const names = all.get(host);
      if (names) names.push(name);
      else all.set(host, [name]);
    }
    return all;
  }

  /** Records that node `name` was another operator in the file. */
  rewrote(name: string, operator: string): void {
    if (!this.operators.has(name)) this.operators.set(name, operator);
  }

  /** The operator that a node is in the file; `now` where no pass changed it. */
  operatorOf(name: string, now: string): string {
    return this.operators.get(name) ?? now;
  }

  /** Records why a pass left node `name`, which it looks for, as it is. */
  decline(name: string, why: Declined): void {
    this.left.set(name, why);
  }

  /** Why a pass left a node as it is; undefined where none looked for it, or one did its work. */
  declined(name: string): Declined | undefined {
    return this.left.get(name);
  }

  note(note: Note): void {
    this.notes.push(note);
  }
}
