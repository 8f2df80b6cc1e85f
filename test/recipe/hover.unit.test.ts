import { describe, expect, it } from 'vitest';
import { hoverAt } from '../../src/recipe/hover';
import { schemaOf, wordsAt } from '../../src/recipe/json-schema';
import { withCursor } from './cursor';

const layers = Array.from({ length: 7 }, (_, i) => ({ name: `/h/${i}`, op: 'Conv' }));

function hover(marked: string) {
  const { text, offset } = withCursor(marked);
  const found = hoverAt(text, offset, layers);
  return found && { ...found, word: text.slice(found.range.start, found.range.end) };
}

describe('hoverAt', () => {
  it('describes keys, with their words', () => {
    const found = hover('quantization:\n  mo|de: static');
    expect(found?.word).toBe('mode');
    expect(found?.contents).toContain(schemaOf(['quantization', 'mode'])?.description);
    expect(found?.contents).toContain('`dynamic`');
  });

  it('describes words', () => {
    const found = hover('quantization: { mode: |dynamic }');
    expect(found?.word).toBe('dynamic');
    expect(found?.contents).toBe(wordsAt(['quantization', 'mode']).get('dynamic'));
  });

  it('describes the module of a metric', () => {
    for (const value of ['./my-metric.mjs', "'./my metric.mjs'"])
      expect(hover(`evaluate: { metric: |${value} }`)?.contents).toContain('ES module');
    expect(hover('evaluate: { met|ric: x }')?.contents).toContain('`./FILE.mjs`');
  });

  it.each([
    ['keep_fp32:\n  - /h/|*', '/h/*', ['7', '/h/0', '/h/4', '2 more']],
    ['keep_fp32: [|/h/3]', '/h/3', ['1', '/h/3']],
    ['keep_fp32: [{ op: co|nv }]', 'conv', ['7']],
    ['layers:\n  - match: |/h/1', '/h/1', ['1']],
    ['keep_fp32: [no|ne]', 'none', []],
  ])('tells what %j matches', (marked, word, parts) => {
    const found = hover(marked);
    expect(found?.word).toBe(word);
    for (const part of parts) expect(found?.contents).toContain(part);
    expect(hoverAt(withCursor(marked).text, withCursor(marked).offset, [])?.contents).not.toBe(
      found?.contents,
    );
  });

  it.each([
    '',
    'model: m| # c',
    '|# comment',
    'unkn|own: 3',
    'model: m\n|\n',
    `${'['.repeat(999)}|`,
  ])('has a description or nothing for %j', (marked) => {
    const found = hover(marked.includes('|') ? marked : `${marked}|`);
    expect(found === null || found.contents.length > 0).toBe(true);
  });

  it('is silent about what is unknown', () => {
    expect(hover('unkn|own: 3')).toBeNull();
    expect(hover('model: m # c|omment')).toBeNull();
  });
});
