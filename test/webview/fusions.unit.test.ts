import { expect, test } from 'vitest';
import { fusionCounts, fusionLines } from '../../webview/logic/fusions';
import { breaks, fusions, mobilenet } from './harness/mobilenet';

const all = fusions(mobilenet().layers, true);
const whole = { part: null, pattern: null };

test('what can be freed stands first, and each sentence once', () => {
  const lines = fusionLines(all, breaks(), whole);
  const parts = lines.flatMap((line) => (line.kind === 'part' ? [[line.part, line.count]] : []));
  expect(parts).toEqual([
    ['blocked', 2],
    ['breaks', 3],
    ['done', 25],
  ]);
  const groups = lines.flatMap((line) =>
    line.kind === 'group' ? [[line.status, line.blocked, line.count]] : [],
  );
  expect(groups).toEqual([
    ['blocked', 'not-constant', 1],
    ['blocked', 'second-reader', 1],
    ['done', null, 25],
  ]);
  const why = lines.flatMap((line) => (line.kind === 'why' ? [[line.first.op, line.count]] : []));
  expect(why).toEqual([
    ['HardSwish', 2],
    ['', 1],
  ]);
});

test('of what is to come, groups of the same makers are told apart', () => {
  const [first, ...rest] = fusions(mobilenet().layers, false);
  const other = { ...first!, by: first!.by.slice(0, 1) };
  const lines = fusionLines([other, ...rest], [], whole);
  const groups = lines.flatMap((line) =>
    line.kind === 'group' && line.status === 'will' ? [[line.first.by.length, line.count]] : [],
  );
  expect(groups).toEqual([
    [2, 24],
    [1, 1],
  ]);
});

test('every line has a name of its own, and a layer is where the graph has it', () => {
  const lines = fusionLines(all, breaks(), whole);
  expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
  const done = lines.flatMap((line) =>
    line.kind === 'fusion' && line.fusion.status === 'done' ? [line.fusion.layer] : [],
  );
  expect(done).toEqual(all.flatMap(({ status, layer }) => (status === 'done' ? [layer] : [])));
});

test('a filter leaves one part, or one pattern, to which no break belongs', () => {
  const one = fusionLines(all, breaks(), { part: 'blocked', pattern: null });
  expect(one.filter(({ kind }) => kind === 'fusion')).toHaveLength(2);
  expect(one.some(({ kind }) => kind === 'break')).toBe(false);
  expect(fusionLines(all, breaks(), { part: null, pattern: 'GELU' })).toEqual([]);
  const pattern = 'Conv+BatchNorm+Activation' as const;
  const some = fusionLines(all, breaks(), { part: null, pattern });
  expect(some.filter(({ kind }) => kind === 'fusion')).toHaveLength(all.length);
  expect(fusionLines(all, breaks(), { part: 'breaks', pattern })).toEqual([]);
});

test('counts them by part and by pattern', () => {
  expect(fusionCounts(all, breaks())).toEqual({
    parts: { blocked: 2, breaks: 3, will: 0, done: 25 },
    patterns: [['Conv+BatchNorm+Activation', 27]],
  });
});
