import type { Verification } from '../results';
import { decibels } from './figures/numbers';

/** What was done with the written file before it took its place, in a sentence. */
export function verificationText({ nodes, ranOn, notRun, worstDb }: Verification): string {
  const checked = `its ${nodes} nodes were checked, onnxruntime loaded it`;
  if (ranOn === null) return `${checked}; it was not run: ${notRun ?? ''}`;
  const sample = ranOn === 'data' ? 'a sample of the data' : 'a random sample';
  const close = worstDb === null ? '' : `, its worst output ${decibels(worstDb)} against FP32`;
  return `${checked} and ran it on ${sample}${close}`;
}
