import { execSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: { schema: string };
};

it('src/onnx/gen is what `npm run schema` makes of src/onnx/proto', (test) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vernier-schema-'));
  const bin = path.join(root, 'node_modules', '.bin');
  const run = (command: string) =>
    execSync(command, {
      cwd: root,
      env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` },
      stdio: 'pipe',
    });
  try {
    // the compiler is fetched when the schema changes, not with every install: no download in a test
    const offline = scripts.schema.replace('--yes', '--yes --offline');
    try {
      run(offline.replace(/ generate .*/, ' --version'));
    } catch {
      test.skip('the schema compiler is not in npm’s cache; `npm run schema` fetches it');
    }
    run(`${offline} -o "${folder}"`);
    const made = path.join(folder, 'src/onnx/gen');
    const kept = path.join(root, 'src/onnx/gen');
    expect(readdirSync(made)).toEqual(readdirSync(kept));
    for (const name of readdirSync(made))
      expect(readFileSync(path.join(made, name), 'utf8')).toBe(
        readFileSync(path.join(kept, name), 'utf8'),
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
