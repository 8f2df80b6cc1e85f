import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import { readText } from '../../src/recipe/document';
import { applyEdits, keepLayers, quantizeAgain, setValue } from '../../src/recipe/edit';
import type { Path } from '../../src/recipe/json-schema';
import type { NamedLayer } from '../../src/recipe/match';
import { parseRecipe } from '../../src/recipe/parse';
import { inOrder } from '../../src/recipe/text-edit';
import { planOf } from '../../src/recipe/written';

const keep = (text: string, ...names: string[]) => applyEdits(text, keepLayers(text, names));

describe('keepLayers', () => {
  it.each([
    ['', 'keep_fp32:\n  - /x\n'],
    ['# nothing yet', '# nothing yet\nkeep_fp32:\n  - /x\n'],
    ['# a\n\n', '# a\n\nkeep_fp32:\n  - /x\n'],
    ['---\n# a\n...\n', '---\n# a\nkeep_fp32:\n  - /x\n...\n'],
    ['~', 'keep_fp32:\n  - /x'],
    ['{}', '{ "keep_fp32": [ "/x" ] }'],
    ['model: m', 'model: m\nkeep_fp32:\n  - /x'],
    ['model: m # c\n\nlimits: {}\n', 'model: m # c\nkeep_fp32:\n  - /x\n\nlimits: {}\n'],
    ['limits: {}\n# end\n', 'limits: {}\nkeep_fp32:\n  - /x\n# end\n'],
    [
      'model: m\nquantization:\n  mode: static # c\n  # d\n\n# e\nevaluate: {}\n',
      'model: m\nquantization:\n  mode: static # c\nkeep_fp32:\n  - /x\n  # d\n\n# e\nevaluate: {}\n',
    ],
    [
      'quantization: {\n  mode: static\n} # c\n',
      'quantization: {\n  mode: static\n} # c\nkeep_fp32:\n  - /x\n',
    ],
    ['  model: m\n', '  model: m\n  keep_fp32:\n    - /x\n'],
    ['keep_fp32:\n', 'keep_fp32:\n  - /x\n'],
    ['keep_fp32:', 'keep_fp32:\n  - /x'],
    ['keep_fp32: # why\nlimits:\n', 'keep_fp32: # why\n  - /x\nlimits:\n'],
    ['keep_fp32: null # why\n', 'keep_fp32: # why\n  - /x\n'],
    ['keep_fp32: ~\nmodel: m', 'keep_fp32:\n  - /x\nmodel: m'],
    ['keep_fp32:\n  # - /old\nmodel: m', 'keep_fp32:\n  - /x\n  # - /old\nmodel: m'],
    ['keep_fp32: []\n', 'keep_fp32: [/x]\n'],
    ['keep_fp32: [ ] # c\n', 'keep_fp32: [/x ] # c\n'],
    ['keep_fp32: [/a, { op: B }] # c\n', 'keep_fp32: [/a, { op: B }, /x] # c\n'],
    ['keep_fp32: [/a,]\n', 'keep_fp32: [/a, /x,]\n'],
    ['keep_fp32: [\n  /a, # a\n  /b # b\n]\n', 'keep_fp32: [\n  /a, # a\n  /b, /x # b\n]\n'],
    ['keep_fp32: [\n  # none\n]\n', 'keep_fp32: [/x\n  # none\n]\n'],
    ['keep_fp32:\n- /a # a\n# end\n', 'keep_fp32:\n- /a # a\n- /x\n# end\n'],
    [
      'keep_fp32:\n    - /a\n    # b\n    - op: B # c\n\n\nlimits:\n',
      'keep_fp32:\n    - /a\n    # b\n    - op: B # c\n    - /x\n\n\nlimits:\n',
    ],
    ['keep_fp32:\n  -\n', 'keep_fp32:\n  -\n  - /x\n'],
    ['keep_fp32:\n  - "/a b"', 'keep_fp32:\n  - "/a b"\n  - /x'],
    ['keep_fp32: /a # c\n', 'keep_fp32: [/a, /x] # c\n'],
    [
      'calibration: { data: &k [a] }\nkeep_fp32: *k\n',
      'calibration: { data: &k [a] }\nkeep_fp32: [a, /x]\n',
    ],
    [
      'model: m\r\nkeep_fp32:\r\n  - /a # c\r\nlimits:\r\n',
      'model: m\r\nkeep_fp32:\r\n  - /a # c\r\n  - /x\r\nlimits:\r\n',
    ],
    ['model: m\r\n', 'model: m\r\nkeep_fp32:\r\n  - /x\r\n'],
    ['{"model": "m"}', '{"model": "m", "keep_fp32": [ "/x" ]}'],
    ['{"model": "m", "keep_fp32": ["/a"]}', '{"model": "m", "keep_fp32": ["/a", /x]}'],
    ['{model: m, keep_fp32: }', '{model: m, keep_fp32: [/x] }'],
    ['{model: m, keep_fp32}', '{model: m, keep_fp32: [/x]}'],
    ['{model: m, keep_fp32: null}', '{model: m, keep_fp32: [/x]}'],
  ])('%j', (text, wanted) => {
    const now = keep(text, '/x');
    expect(now).toBe(wanted);
    expect(readText(now).yaml?.errors).toEqual([]);
    expect(planOf(readText(now), [{ name: '/x', op: 'Conv' }]).get('/x')?.keep).toBe(true);
    expect(keepLayers(now, ['/x'])).toEqual([]);
  });

  it.each([
    ['a.b[0]', 'keep_fp32:\n  - a.b[0]\n', 'keep_fp32: ["a.b[0]"]\n'],
    ['*x', "keep_fp32:\n  - '*x'\n", "keep_fp32: ['*x']\n"],
    ['a: b', "keep_fp32:\n  - 'a: b'\n", "keep_fp32: ['a: b']\n"],
    ['12', "keep_fp32:\n  - '12'\n", "keep_fp32: ['12']\n"],
    ['a,b', 'keep_fp32:\n  - a,b\n', "keep_fp32: ['a,b']\n"],
    ['a\nb', 'keep_fp32:\n  - "a\\nb"\n', 'keep_fp32: ["a\\nb"]\n'],
  ])('quotes the name %j as it must', (name, block, flow) => {
    expect(keep('keep_fp32:\n', name)).toBe(block);
    const list = keep('keep_fp32: []\n', name);
    expect(list.replaceAll("'", '"')).toBe(flow.replaceAll("'", '"'));
  });

  it('leaves out what is kept already, and doubles', () => {
    expect(keep('keep_fp32: [/a, /h/*]\n', '/a', '/h/1', '/b', '/b')).toBe(
      'keep_fp32: [/a, /h/*, /b]\n',
    );
  });

  it.each(['model: [', '[1]', 'hello', '['.repeat(1000)])('refuses %j', (text) => {
    expect(() => keepLayers(text, ['/x'])).toThrowError(
      expect.objectContaining({ code: 'recipe.syntax' }) as Error,
    );
  });
});

const layers: NamedLayer[] = [
  { name: '/a', op: 'Conv', absorbed: ['/bn'] },
  { name: '/b', op: 'Conv' },
  { name: '/h/1', op: 'Gemm' },
  { name: '/h/2', op: 'Gemm' },
];
const again = (text: string, ...names: string[]) =>
  applyEdits(text, quantizeAgain(text, names, layers));

describe('quantizeAgain', () => {
  it.each([
    // block lists
    ['keep_fp32:\n  - /a\n  - /b # b\n', ['/b'], 'keep_fp32:\n  - /a\n'],
    ['keep_fp32:\n  - /a\n  - /b # b', ['/b'], 'keep_fp32:\n  - /a'],
    [
      'keep_fp32:\n  # one\n  - /a # a\n  # two\n  - /b\n',
      ['/a'],
      'keep_fp32:\n  # one\n  # two\n  - /b\n',
    ],
    ['model: m\nkeep_fp32:\n  - /a # a\nlimits:\n', ['/a'], 'model: m\nlimits:\n'],
    ['model: m\nkeep_fp32:\n  - /a\n  - /b', ['/a', '/b'], 'model: m'],
    ['model: m\r\nkeep_fp32:\r\n  - /a\r\n  - /b', ['/b'], 'model: m\r\nkeep_fp32:\r\n  - /a'],
    ['keep_fp32: # why\n  - /a\n', ['/a'], 'keep_fp32: # why\n'],
    ['keep_fp32:\n  # why\n  - /a\nmodel: m', ['/a'], 'keep_fp32:\n  # why\nmodel: m'],
    ['keep_fp32:\n  - /bn\n  - /b\n', ['/a'], 'keep_fp32:\n  - /b\n'],
    ['keep_fp32:\n  - /h/* # heads\n  - /b\n', ['/h/1'], 'keep_fp32:\n  - /h/2 # heads\n  - /b\n'],
    ['keep_fp32:\n  - "*" # all\n', ['/b'], 'keep_fp32:\n  - /a # all\n  - /h/1\n  - /h/2\n'],
    ['keep_fp32:\n  - op: Conv\n', ['/a'], 'keep_fp32:\n  - /b\n'],
    ['keep_fp32:\n  - { op: Conv }\n  - /b\n', ['/a'], 'keep_fp32:\n  - /b\n'],
    ['keep_fp32:\n  - /h/*\n  - { op: Gemm }\n', ['/h/1'], 'keep_fp32:\n  - /h/2\n'],
    // flow lists
    ['keep_fp32: [/a]\n', ['/a'], 'keep_fp32: []\n'],
    ['keep_fp32: [/a,]\n', ['/a'], 'keep_fp32: []\n'],
    ['keep_fp32: [/a, /b] # c\n', ['/b'], 'keep_fp32: [/a] # c\n'],
    ['keep_fp32: [/a, /b]\n', ['/a'], 'keep_fp32: [/b]\n'],
    ['keep_fp32: [/a, /b]\n', ['/a', '/b'], 'keep_fp32: []\n'],
    ['keep_fp32: [/a, /b, ]\n', ['/b'], 'keep_fp32: [/a ]\n'],
    ['keep_fp32: [/h/*, /b]\n', ['/h/1', '/b'], 'keep_fp32: [/h/2]\n'],
    ['keep_fp32: ["*"]\n', ['/b'], 'keep_fp32: [/a, /h/1, /h/2]\n'],
    ['keep_fp32: [\n  /a, # a\n  /b # b\n]\n', ['/b'], 'keep_fp32: [\n  /a, # a\n   # b\n]\n'],
    ['keep_fp32: [\n  /a, # a\n  /b # b\n]\n', ['/a'], 'keep_fp32: [\n  /b # b\n]\n'],
    // no list
    ['keep_fp32: /a\n', ['/a'], 'keep_fp32: []\n'],
    [
      'calibration: { data: &k [/a, /b] }\nkeep_fp32: *k\n',
      ['/a'],
      'calibration: { data: &k [/a, /b] }\nkeep_fp32: [/b]\n',
    ],
    // rules
    [
      'keep_fp32: [/a]\nlayers:\n  - { match: /*, precision: fp32 }\n',
      ['/a'],
      'keep_fp32: []\nlayers:\n  - { match: /*, precision: fp32 }\n  - { match: /a, precision: int8 }\n',
    ],
    [
      'layers: [{ match: /*, precision: fp32 }]',
      ['/a'],
      'layers: [{ match: /*, precision: fp32 }, { match: /a, precision: int8 }]',
    ],
    [
      'keep_fp32: ["*"]\nlayers: [{ match: { op: Gemm }, precision: int8 }]\n',
      ['/b'],
      'keep_fp32: [/a]\nlayers: [{ match: { op: Gemm }, precision: int8 }]\n',
    ],
    // nothing to do
    ['keep_fp32: [/a]\n', ['/b'], 'keep_fp32: [/a]\n'],
    ['model: m\n', ['/b'], 'model: m\n'],
    ['keep_fp32:\n', ['/b'], 'keep_fp32:\n'],
    // unknown to the model, but in the list
    ['keep_fp32: [gone, /a]\n', ['gone'], 'keep_fp32: [/a]\n'],
  ] as [string, string[], string][])('%j without %j', (text, names, wanted) => {
    const before = planOf(readText(text), layers);
    const now = again(text, ...names);
    expect(now).toBe(wanted);
    const doc = readText(now);
    expect(doc.yaml?.errors).toEqual([]);
    for (const [name, { keep: kept }] of planOf(doc, layers))
      expect([name, kept]).toEqual([name, !names.includes(name) && before.get(name)?.keep]);
  });

  it('refuses to edit entries with an anchor', () => {
    expect(() => quantizeAgain('keep_fp32:\n  - &a /a\n', ['/a'], layers)).toThrowError(
      expect.objectContaining({ code: 'recipe.unsupported' }) as Error,
    );
  });
});

describe('setValue', () => {
  it.each([
    ['model: m # c\n', ['target'], 'onnx', 'model: m # c\ntarget: onnx\n'],
    ['model: m # c\n', ['model'], 'n', 'model: n # c\n'],
    ['model: m\n', ['model'], 'm', 'model: m\n'],
    [
      'model: m\n',
      ['calibration', 'image', 'crop'],
      [3, 4],
      'model: m\ncalibration:\n  image:\n    crop: [3, 4]\n',
    ],
    [
      'calibration:\n  data: x # c\n\nlimits: {}\n',
      ['calibration', 'samples'],
      5,
      'calibration:\n  data: x # c\n  samples: 5\n\nlimits: {}\n',
    ],
    [
      'calibration:\n  samples: 3\n',
      ['calibration', 'data'],
      ['a', 'b'],
      'calibration:\n  samples: 3\n  data:\n    - a\n    - b\n',
    ],
    [
      'calibration: { data: x } # c\n',
      ['calibration', 'samples'],
      5,
      'calibration: { data: x, "samples": 5 } # c\n',
    ],
    ['calibration: {}\n', ['calibration', 'samples'], 5, 'calibration: { "samples": 5 }\n'],
    ['calibration: # c\n', ['calibration', 'samples'], 5, 'calibration: { samples: 5 } # c\n'],
    ['calibration: x # c\n', ['calibration', 'samples'], 5, 'calibration: { samples: 5 } # c\n'],
    [
      'quantization: # c\n  mode: static\nlimits: {}\n',
      ['quantization'],
      { mode: 'dynamic' },
      'quantization: # c\n  { mode: dynamic }\nlimits: {}\n',
    ],
    ['keep_fp32: [a, b]\n', ['keep_fp32', 1], 'a,b', "keep_fp32: [a, 'a,b']\n"],
    [
      'layers:\n  - match: x # c\n',
      ['layers', 0, 'precision'],
      'fp32',
      'layers:\n  - match: x # c\n    precision: fp32\n',
    ],
    [
      'layers:\n  - match: x # c\n',
      ['layers', 0, 'match'],
      { op: 'Conv' },
      'layers:\n  - match: { op: Conv } # c\n',
    ],
    ['', ['quantization', 'mode'], 'dynamic', 'quantization:\n  mode: dynamic\n'],
    [
      'quantization:\n  improve:\n',
      ['quantization', 'improve'],
      [],
      'quantization:\n  improve: []\n',
    ],
    ['model: m\n', ['limits'], {}, 'model: m\nlimits: {}\n'],
  ] as [string, Path, unknown, string][])('%j %j = %j', (text, path, value, wanted) => {
    const now = applyEdits(text, setValue(text, path, value));
    expect(now).toBe(wanted);
    const plain = readText(now).yaml?.toJS() as unknown;
    const got = path.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], plain);
    expect(got).toEqual(value);
  });

  it('does not make entries of lists', () => {
    expect(() => setValue('keep_fp32: []', ['keep_fp32', 3], 'a')).toThrowError(
      expect.objectContaining({ code: 'recipe.unsupported' }) as Error,
    );
    expect(setValue('model: m', [], 'a')).toEqual([]);
  });
});

describe('applyEdits', () => {
  it('refuses edits that overlap', () => {
    const edits = [
      { start: 0, end: 2, text: 'a' },
      { start: 1, end: 3, text: 'b' },
    ];
    expect(() => applyEdits('abc', edits)).toThrowError(
      expect.objectContaining({ code: 'internal' }) as Error,
    );
  });

  it('joins deletions that overlap', () => {
    const edits = [
      { start: 1, end: 3, text: '' },
      { start: 0, end: 2, text: '' },
    ];
    expect(inOrder(edits)).toEqual([{ start: 0, end: 3, text: '' }]);
  });
});

// ─── laws ─────────────────────────────────────────────────────────────────────────────────────────

const names = ['/a', '/b', '/h/1', '/h/2', 'x.y[0]', '*odd', 'with: colon', 'c#d', '42'];
const known: NamedLayer[] = names.map((name, i) => ({ name, op: i % 2 ? 'Gemm' : 'Conv' }));
const entry = fc.constantFrom<[string, ...string[]]>(
  '/a',
  '/b',
  '/h/*',
  "'*'",
  '{ op: Conv }',
  "'x.y[0]'",
  '"with: colon"',
);
const comment = fc.constantFrom('', ' # why', ' # keep: [this]', " # it's - odd");

/** A section as it may be written, in any of the styles that YAML allows. */
const keepSection = fc.oneof(
  fc.constant(''),
  comment.map((c) => `keep_fp32:${c}\n`),
  comment.map((c) => `keep_fp32: []${c}\n`),
  fc
    .tuple(fc.array(entry, { minLength: 1, maxLength: 4 }), comment, fc.boolean())
    .map(([items, c, trailing]) => `keep_fp32: [${items.join(', ')}${trailing ? ',' : ''}]${c}\n`),
  fc
    .tuple(fc.array(fc.tuple(entry, comment), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([items, last]) => {
      const lines = items.map(
        ([item, c], i) => `  ${item}${last || i < items.length - 1 ? ',' : ''}${c}\n`,
      );
      return `keep_fp32: [\n${lines.join('')}  ]\n`;
    }),
  fc
    .tuple(
      fc.array(fc.tuple(fc.boolean(), entry, comment), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('', '  ', '      '),
      comment,
    )
    .map(([items, indent, c]) => {
      const lines = items.map(
        ([above, item, behind]) =>
          `${above ? `${indent}# above\n` : ''}${indent}- ${item}${behind}\n`,
      );
      return `keep_fp32:${c}\n${lines.join('')}`;
    }),
);

const section = fc.constantFrom(
  'calibration:\n  data: images/*.jpg # c1\n  # c2\n',
  'quantization: { mode: static } # c3\n',
  'quantization:\n  # c4\n  mode: static\n\n',
  '# c5\nevaluate: { data: x }\n',
  'layers:\n  - { match: /h/1, precision: int8 } # c6\n',
  'limits:\n\n# c7\n',
);

const recipeText = fc
  .tuple(
    fc.constantFrom('', '# head\n', '---\n'),
    fc.uniqueArray(section, { selector: (text) => /^(?:#.*\n)?(\w+)/.exec(text)?.[1] }),
    keepSection,
    fc.nat(6),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([head, sections, kept, at, crlf, open]) => {
    const parts = ['model: m.onnx # the model\n', ...sections];
    parts.splice(at % (parts.length + 1), 0, kept);
    let text = head + parts.join('');
    if (open) text = text.replace(/\n+$/, '');
    return crlf ? text.replaceAll('\n', '\r\n') : text;
  });

const comments = (text: string) =>
  [...text.matchAll(/(?:^|[ \t])#[^\r\n]*/gm)].map(([found]) => found.trim()).sort();
const keeps = (text: string) =>
  [...planOf(readText(text), known)].filter(([, { keep: kept }]) => kept).map(([name]) => name);
const others = (text: string) => {
  const plain = { ...(readText(text).yaml?.toJS() as Record<string, unknown>) };
  delete plain.keep_fp32;
  return plain;
};

describe('laws of edits', () => {
  const some = fc.uniqueArray(fc.constantFrom<[string, ...string[]]>(...(names as [string])), {
    minLength: 1,
  });

  it('keepLayers keeps exactly that, with every comment', () => {
    fc.assert(
      fc.property(recipeText, some, (text, wanted) => {
        expect(readText(text).yaml?.errors).toEqual([]);
        const now = keep(text, ...wanted);
        expect(readText(now).yaml?.errors).toEqual([]);
        expect(new Set(keeps(now))).toEqual(new Set([...keeps(text), ...wanted]));
        expect(comments(now)).toEqual(comments(text));
        expect(others(now)).toEqual(others(text));
        expect(/[^\r]\n/.test(now)).toBe(/[^\r]\n/.test(now) && !text.includes('\r'));
        expect(parseRecipe(now, 'a', { partial: true }).problems).toEqual([]);
      }),
      { numRuns: runs(200) },
    );
  });

  it('keep, then quantize again: as before', () => {
    fc.assert(
      fc.property(recipeText, some, (text, wanted) => {
        const before = keeps(text);
        const fresh = wanted.filter((name) => !before.includes(name));
        const now = keep(text, ...fresh);
        const back = applyEdits(now, quantizeAgain(now, fresh, known));
        expect(keeps(back)).toEqual(before);
        expect(others(back)).toEqual(others(text));
        expect(comments(back)).toEqual(comments(text));
      }),
      { numRuns: runs(200) },
    );
  });

  it('quantizeAgain quantizes exactly that', () => {
    fc.assert(
      fc.property(recipeText, some, (text, wanted) => {
        const now = applyEdits(text, quantizeAgain(text, wanted, known));
        expect(readText(now).yaml?.errors).toEqual([]);
        expect(keeps(now)).toEqual(keeps(text).filter((name) => !wanted.includes(name)));
        const left = comments(now);
        for (const line of left) expect(comments(text)).toContain(line);
        expect(comments(text).filter((line) => line === '# above').length).toBe(
          left.filter((line) => line === '# above').length,
        );
      }),
      { numRuns: runs(200) },
    );
  });
});
