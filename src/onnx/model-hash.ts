import { createHash } from 'node:crypto';
import { modelChunks, pieces } from './chunks';
import type { Model } from './model';
import { inlineTensors } from './save';

/** SHA-256 of a model as a file of it that stands alone would be, wherever its weights lie; these pass through in pieces. */
export function modelHash(model: Model): string {
  const hash = createHash('sha256');
  // what lies elsewhere and hangs on nodes is small enough to carry
  for (const chunk of modelChunks(inlineTensors(model, (_, own) => !own)))
    for (const bytes of pieces(chunk)) hash.update(bytes);
  return hash.digest('hex');
}
