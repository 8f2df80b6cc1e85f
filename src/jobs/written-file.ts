/** A file that somebody named, to be written. */
export interface WrittenFile {
  what: 'output' | 'statistics' | 'ranges' | 'report' | 'recipe' | 'fixed-point export';
  /** Absolute path. */
  file: string;
}
