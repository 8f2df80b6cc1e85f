import { execFileSync } from 'node:child_process';

/** Integration tests start the worker and the command line as people do: from dist/. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
}
