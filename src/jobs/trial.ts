/** Files beside the output while it is being made. */
import path from 'node:path';
import { Spool, weightBytes, type Model } from '../onnx';

/** What all of them begin with: who finds a killed job removes them by it. */
export function trialFile(output: string): string {
  return path.join(path.dirname(output), `.${path.basename(output)}.${process.pid}.tmp`);
}

/** Weights of more bytes are not kept in memory while a model is written. */
export const LARGE_BYTES = 256 << 20;

/** True for a model whose weights should not be in memory together. */
export function isLarge(model: Model): boolean {
  return weightBytes(model) > LARGE_BYTES;
}

let count = 0;

/** A file beside the output for what is made of a large model; null where memory will do. */
export function spoolFor(model: Model, output: string): Spool | null {
  return isLarge(model) ? new Spool(`${trialFile(output)}.spool-${++count}`) : null;
}
