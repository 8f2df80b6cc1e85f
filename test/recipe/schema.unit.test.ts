import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  expectedAt,
  formsAt,
  keysAt,
  recipeJsonSchema,
  schemaOf,
  schemasAt,
  wordsAt,
  type SchemaNode,
} from '../../src/recipe/json-schema';
import { laterKey, laterWord } from '../../src/recipe/later';

const file = new URL('../../schemas/quant.schema.json', import.meta.url);

describe('the schema', () => {
  it('is up to date on disk (node scripts/schema.mjs)', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(recipeJsonSchema())),
    );
  });

  it('describes every key', () => {
    const silent: string[] = [];
    const visit = (path: string[]) => {
      for (const [key, node] of keysAt(path)) {
        const inner = [...path, key];
        if (!node.description) silent.push(inner.join('.'));
        visit(inner);
      }
    };
    visit([]);
    expect(silent).toEqual([]);
  });

  it('explains every word', () => {
    const visit = (node: SchemaNode) => {
      if (node.enum) expect(node.enumDescriptions).toHaveLength(node.enum.length);
      const inner = [node.properties, node.anyOf, node.items, node.additionalProperties];
      for (const part of inner)
        if (typeof part === 'object')
          for (const child of Object.values(part)) if (typeof child === 'object') visit(child);
    };
    visit(recipeJsonSchema());
  });

  it('is found by path', () => {
    expect(schemasAt(['calibration', 'image', 'crop'])).toHaveLength(2);
    expect(schemasAt(['calibration', 'image', 'crop', 1])[0]?.type).toBe('integer');
    expect([...keysAt(['inputs', 'any', 'shape'])]).toEqual([]);
    expect([...keysAt(['inputs', 'any']).keys()]).toEqual(['shape', 'range']);
    expect([...keysAt(['keep_fp32', 3]).keys()]).toEqual(['op']);
    expect([...wordsAt(['quantization', 'mode']).keys()]).toEqual([
      'static',
      'dynamic',
      'weight-only',
      'float16',
      'auto',
    ]);
    expect(schemasAt(['constructor'])).toEqual([]);
    expect(schemaOf(['nothing', 'here'])).toBeUndefined();
    expect(schemaOf([])?.title).toBeDefined();
    expect(expectedAt(['limits', 'top1_drop'])).toContain('1');
    expect(expectedAt(['evaluate', 'metric'])).toMatch(/top1.*FILE\.mjs/);
    expect(formsAt(['evaluate', 'metric']).map(({ form }) => form)).toEqual(['./FILE.mjs']);
    expect(formsAt(['model'])).toEqual([]);
    expect(expectedAt(['model'])).not.toBe('');
    expect(expectedAt(['inputs', 'x'])).not.toBe('');
    expect(expectedAt(['calibration', 'image'])).not.toBe('');
    expect(expectedAt(['quantization', 'weights', 'type'])).toContain('int8');
  });
});

describe('words of later versions', () => {
  it('are not also words of this one', () => {
    for (const [path, word] of [
      ['target', 'onnx'],
      ['quantization.mode', 'static'],
    ] as const)
      expect(laterWord(path.split('.'), word)).toBeUndefined();
  });

  it.each([
    [['target'], 'toString'],
    [['target'], 3],
    [['nothing'], 'x'],
  ])('%j %j is unknown', (path, value) => {
    expect(laterWord(path, value)).toBeUndefined();
  });

  it('knows keys too', () => {
    expect(laterKey(['layers', 4], 'improve')).toBeDefined();
    expect(laterKey([], 'improve')).toBeUndefined();
  });
});
