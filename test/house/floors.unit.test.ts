import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const config = pathToFileURL(join(root, 'eslint.config.mjs')).href;
const { rooms, ground } = (await import(config)) as {
  rooms: Record<string, string[]>;
  ground: Record<string, string[]>;
};

/** Every source file below a folder, as paths from the root with forward slashes. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((name) => /\.tsx?$/.test(name));
}

const files = new Set([...sources('src'), ...sources('webview')]);

/** The file that a relative import means. */
function resolveImport(from: string, specifier: string): string | undefined {
  const base = posix.join(posix.dirname(from), specifier);
  const stem = base.replace(/\.js$/, '');
  return [base, ...['.ts', '.tsx', '/index.ts', '/index.tsx'].map((end) => stem + end)].find(
    (name) => files.has(name),
  );
}

interface Edge {
  from: string;
  to: string;
}

/** All imports between our files, type imports too: a type also ties two rooms together. */
const edges: Edge[] = [];
const unresolved: string[] = [];
for (const from of files) {
  const text = readFileSync(join(root, from), 'utf8');
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const to = resolveImport(from, fileName);
    if (to) edges.push({ from, to });
    else if (!statSync(join(root, dirname(from), fileName), { throwIfNoEntry: false })) {
      unresolved.push(`${from} imports ${fileName}`);
    }
  }
}

const roomOf = (file: string) =>
  Object.keys(rooms).find((room) => file.startsWith(`${room}/`)) ?? file.replace(/\.tsx?$/, '');

/** The first circle in a directed graph, as the list of its nodes, or undefined. */
function findCircle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] | undefined => {
    const start = path.indexOf(node);
    if (start >= 0) return [...path.slice(start), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return undefined;
}

function graphOf(pairs: Iterable<readonly [string, string]>): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [from, to] of pairs) {
    if (from === to) continue;
    let targets = graph.get(from);
    if (!targets) graph.set(from, (targets = new Set()));
    targets.add(to);
  }
  return graph;
}

describe('the house', () => {
  it('has a room or a place on floor 0 for every file', () => {
    const homeless = [...files].filter((file) => {
      const room = roomOf(file);
      return !(room in rooms) && !(room in ground);
    });
    expect(homeless).toEqual([]);
  });

  it('is a table without circles', () => {
    const table = Object.entries(rooms).flatMap(([room, below]) =>
      below.map((other) => [room, other] as const),
    );
    expect(findCircle(graphOf(table))).toBeUndefined();
  });

  it('resolves every relative import', () => {
    expect(unresolved).toEqual([]);
  });

  it('imports nothing upwards', () => {
    const wrong = edges.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === other) return false;
      if (other in ground) return !(room in ground) && !ground[other]?.includes(room);
      return !rooms[room]?.includes(other);
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('has no circles between rooms', () => {
    const graph = graphOf(edges.map(({ from, to }) => [roomOf(from), roomOf(to)] as const));
    expect(findCircle(graph)).toBeUndefined();
  });

  it('has no circles between files', () => {
    expect(findCircle(graphOf(edges.map(({ from, to }) => [from, to] as const)))).toBeUndefined();
  });
});

describe.runIf(files.has('src/extension/main.ts'))('the extension host', () => {
  it('loads neither the runtime nor what computes', async () => {
    const { metafile } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: ['src/extension/main.ts'],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      external: ['vscode', 'onnxruntime-node'],
      logLevel: 'silent',
    });
    const inputs = Object.keys(metafile.inputs).map((input) => relative('.', input));
    const heavy = ['src/runtime', 'src/data', 'src/quantize', 'src/train', 'src/analyze'];
    expect(inputs.filter((input) => heavy.includes(roomOf(input)))).toEqual([]);
    const external = Object.values(metafile.outputs).flatMap((output) =>
      output.imports.filter(({ external }) => external).map(({ path }) => path),
    );
    expect(external).not.toContain('onnxruntime-node');
  });
});

describe('the floors in lint', () => {
  it.each([
    ['src/onnx/x.ts', "import '../quantize/y';", 1],
    ['src/onnx/deep/x.ts', "import '../../quantize/y';", 1],
    ['src/quantize/passes/x.ts', "import '../../onnx/y';", 0],
    ['src/quantize/x.ts', "import '../jobs/y';", 1],
    ['src/quantize/x.ts', "import './jobs/y';", 0],
    ['src/quantize/x.ts', "import '../../webview/y';", 1],
    ['src/quantize/x.ts', "import 'onnxruntime-node';", 1],
    ['src/runtime/x.ts', "import 'onnxruntime-node';", 0],
    ['src/jobs/x.ts', "import 'vscode';", 1],
    ['src/extension/x.ts', "import 'vscode'; import '../protocol';", 0],
    ['src/cli/x.ts', "import '../protocol';", 1],
    ['src/cli/x.ts', "import '../results'; import '../errors';", 0],
    ['webview/inspector/x.tsx', "import '../../src/onnx/y';", 1],
    ['webview/inspector/x.tsx', "import '../../src/protocol';", 0],
    ['webview/inspector/x.tsx', "import '@vscode/webview-ui-toolkit';", 1],
    ['webview/toolkit.ts', "import '@vscode/webview-ui-toolkit';", 0],
    ['src/results.ts', "import './onnx/y';", 1],
  ])('%s with %s: %i', async (file, code, count) => {
    const { ESLint } = await import('eslint');
    const rule = '@typescript-eslint/no-restricted-imports';
    const eslint = new ESLint({
      cwd: root,
      // the rule needs no types, and the files of this table do not exist
      overrideConfig: { languageOptions: { parserOptions: { project: null } } },
      ruleFilter: ({ ruleId }) => ruleId === rule,
    });
    const [result] = await eslint.lintText(code, { filePath: join(root, file) });
    expect(result?.messages.map(({ ruleId }) => ruleId)).toEqual(Array(count).fill(rule));
  });
});
