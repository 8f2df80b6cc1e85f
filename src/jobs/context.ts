import type { WalkMemory } from '../quantize/walk-memory';
import type { Note, Progress, RunResult } from '../results';
import type { Memory } from './memory';
import type { Meter } from './meter';
import type { Store } from './store';

/** What every stage of a job needs around it. */
export interface JobContext {
  memory: Memory;
  meter: Meter;
  store: Store;
  /** States of bias correction on the same calibration, where many placements of one model are corrected in turn. */
  walks?: WalkMemory;
  /** Posts the result so far. */
  partial(): void;
  /** Announces a file that must not stay behind. */
  temporary(file: string): void;
}

/** Where a job's words go. */
export interface JobHooks {
  progress(progress: Progress): void;
  partial(result: RunResult): void;
  temporary?(file: string): void;
}

/** Adds a note once. */
export function addNote(notes: Note[], note: Note): void {
  const same = (n: Note) =>
    n.code === note.code && n.layer === note.layer && n.tensor === note.tensor;
  if (!notes.some(same)) notes.push(note);
}
