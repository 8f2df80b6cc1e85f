// Where things are, for every script.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** A path below the project's root. */
export const at = (...parts) => join(root, ...parts);
export const hostDir = at('tools', 'e2e');
export const artifacts = at('artifacts');
