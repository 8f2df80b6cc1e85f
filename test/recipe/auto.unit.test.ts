/** `quantization: auto` in the language: read, refused, completed, explained, and written out. */
import { describe, expect, it } from 'vitest';
import { resolveRecipe } from '../../src/recipe/defaults';
import { applyEdits, setValue } from '../../src/recipe/edit';
import { recipeFromFlags } from '../../src/recipe/flags';
import { wordsAt } from '../../src/recipe/json-schema';
import { parseRecipe } from '../../src/recipe/parse';

const parse = (quantization: string) =>
  parseRecipe(`model: m.onnx\nquantization: ${quantization}\n`, 'r.quant.yaml');

describe('quantization: auto', () => {
  it('is searched for, in the time that the recipe gives', () => {
    const { recipe, problems } = parse('auto\nsearch: { budget_s: 12 }');
    expect(problems).toEqual([]);
    const { search, quantization } = resolveRecipe(recipe!);
    expect(search).toEqual({ wanted: true, budgetSeconds: 12 });
    expect(quantization).toMatchObject({ auto: true, mode: 'static' });
    // which is more than a choice of modes
    const { search: none } = resolveRecipe(parse('{ mode: auto }').recipe!);
    expect(none).toEqual({ wanted: false, budgetSeconds: 60 });
  });

  it.each([
    ['automatic', 'wrong-value', ['auto']],
    ['{ mod: static }', 'unknown-key', ['mode']],
    ['{ mode: statik }', 'wrong-value', ['static']],
    ['[auto]', 'wrong-type', undefined],
  ])('%s is refused at its place', (text, code, replacements) => {
    const { recipe, problems, doc } = parse(text);
    expect(recipe).toBeNull();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code, severity: 'error' });
    expect(problems[0]!.replacements?.slice(0, 1)).toEqual(replacements);
    expect(problems[0]!.range.start).toBeGreaterThan(doc.text.indexOf('\n'));
  });

  it('is no key of the map', () => {
    expect(parse('{ search: true }').problems).toMatchObject([{ code: 'unknown-key' }]);
  });

  it('is offered, with what it means', () => {
    expect([...wordsAt(['quantization']).keys()]).toEqual(['auto']);
    expect(wordsAt(['quantization']).get('auto')).toMatch(/search/);
  });

  it('can be said on the command line, and be replaced by a mode', () => {
    const text = recipeFromFlags({ model: 'm.onnx', quantization: 'auto' });
    expect(text).toBe('model: m.onnx\nquantization: auto\n');
    const next = applyEdits(text, setValue(text, ['quantization', 'mode'], 'dynamic'));
    expect(parseRecipe(next, 'r').recipe!.quantization).toEqual({ mode: 'dynamic' });
  });
});
