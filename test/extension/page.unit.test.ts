import { afterEach, describe, expect, it, vi } from 'vitest';
import { VernierError } from '../../src/errors';
import { inspectorHtml } from '../../src/extension/inspector/html';
import { answer, type Handlers } from '../../src/extension/inspector/rpc';
import { difference } from '../../src/extension/language/changes';
import { applyEdits } from '../../src/recipe/text-edit';
import { remedyAction } from '../../src/extension/remedy';
import { PatchThrottle } from '../../src/extension/session/throttle';
import { progressText } from '../../src/extension/status/progressText';

describe('the page', () => {
  const html = inspectorHtml({
    script: 'https://x/inspector.js',
    style: 'https://x/inspector.css',
    codicons: 'https://x/codicon.css',
    plotly: 'https://x/plotly.js',
    cspSource: 'https://x',
    nonce: 'abc',
    language: 'zh-cn',
  });

  it('allows scripts by nonce only, and nothing by default', () => {
    expect(html).toContain(
      `default-src 'none'; script-src 'nonce-abc'; style-src https://x 'unsafe-inline'`,
    );
    expect(html).not.toContain('unsafe-eval');
    expect([...html.matchAll(/<script(?! nonce="abc")/g)]).toEqual([]);
  });

  it('has what the page looks for', () => {
    expect(html).toContain('<div id="root"></div>');
    expect(html).toContain('<meta name="vernier-plotly" content="https://x/plotly.js">');
    expect(html).toContain('<meta name="vernier-nonce" content="abc">');
    expect(html).toContain('lang="zh-cn"');
  });
});

describe('answer', () => {
  const handlers = {
    weights: ({ layer }: { layer: string }) => ({ layer }),
    range: () => {
      throw new VernierError('model.not-found', 'Gone.', { file: 'a.onnx' });
    },
    select: () => null,
    ready: async () => {
      throw new Error('boom');
    },
  } as unknown as Handlers;
  const ask = (method: string, params: unknown = {}) =>
    answer({ kind: 'request', id: 7, method, params }, handlers);

  it('sends results and errors back, with their codes and places', async () => {
    expect(await ask('weights', { layer: 'a' })).toEqual({
      kind: 'response',
      id: 7,
      ok: { layer: 'a' },
    });
    expect(await ask('range')).toMatchObject({
      error: { code: 'model.not-found', file: 'a.onnx' },
    });
    expect(await ask('ready')).toMatchObject({ error: { code: 'internal', message: 'boom' } });
  });

  it('never leaves a request without an answer', async () => {
    expect(await ask('constructor')).toMatchObject({ id: 7, error: { code: 'internal' } });
    expect(await ask('select')).toMatchObject({ ok: null });
    expect(await answer({ kind: 'event' }, handlers)).toBeNull();
    expect(await answer(null, handlers)).toBeNull();
  });
});

describe('PatchThrottle', () => {
  afterEach(() => vi.useRealTimers());

  it('sends the first at once, joins the rest, and loses nothing', () => {
    vi.useFakeTimers();
    const sent: object[] = [];
    const throttle = new PatchThrottle<{ a: number; b: number }>((patch) => sent.push(patch), 100);
    throttle.push({ a: 1 });
    throttle.push({ a: 2 });
    throttle.push({ b: 1 });
    expect(sent).toEqual([{ a: 1 }]);
    vi.advanceTimersByTime(100);
    expect(sent).toEqual([{ a: 1 }, { a: 2, b: 1 }]);
    throttle.push({ a: 3 });
    throttle.flush();
    expect(sent[2]).toEqual({ a: 3 });
    throttle.dispose();
    vi.runAllTimers();
    expect(sent).toHaveLength(3);
  });
});

describe('changes', () => {
  it.each([
    ['', 'x'],
    ['abc', 'abc'],
    ['aa', 'aaa'],
    ['keep: []', 'keep: [a]'],
    ['abcabc', 'abc'],
  ])('difference leads from %j to %j', (before, after) => {
    const change = difference(before, after);
    expect(change ? applyEdits(before, [change]) : before).toBe(after);
  });
});

it('remedyAction knows what a button can do', () => {
  const action = (code: string) => remedyAction({ code, message: '' } as never);
  expect(action('data.not-found')).toBe('chooseData');
  expect(action('data.labels')).toBe('openRecipe');
  expect(action('recipe.schema')).toBe('openRecipe');
  expect(action('job.breaks-target-rules')).toBe('openRecipe');
  expect(action('job.untrusted')).toBe('manageTrust');
  expect(action('job.worker-died')).toBe('runAgain');
  expect(action('job.cancelled')).toBeNull();
  expect(action('model.not-onnx')).toBeNull();
});

it('progressText is one short line', () => {
  const base = { stage: 'calibrate', done: 83, total: 128, memory: 212e6 } as const;
  expect(progressText({ ...base, etaSeconds: 9 })).toBe('calibrate 83/128 · 9 s · 212 MB');
  expect(progressText({ ...base, etaSeconds: null, memory: 0 })).toBe('calibrate 83/128');
  expect(progressText({ ...base, etaSeconds: 600, total: 1 })).toBe('calibrate · 10 min · 212 MB');
  const estimate = { tensors: 30, sampleBytes: 1e6, memory: 240e6 };
  expect(progressText({ ...base, etaSeconds: 9, estimate })).toBe(
    'calibrate 83/128 · 9 s · 212 MB of about 240 MB',
  );
  expect(progressText(null)).toBe('');
});
