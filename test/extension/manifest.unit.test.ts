import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands, type CommandEntry } from '../../src/extension/manifest/commands';
import { contextKeys } from '../../src/extension/manifest/contextKeys';
import { ids } from '../../src/extension/manifest/ids';
import { settings } from '../../src/extension/manifest/settings';

const root = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const json = (name: string) => JSON.parse(read(name));
const manifest = json('package.json');
const { contributes } = manifest;
const table = Object.values(commands) as CommandEntry[];

describe('the manifest and the tables', () => {
  it('have the same commands', () => {
    const open = table.filter(({ internal }) => !internal).map(({ id }) => id);
    expect(contributes.commands.map((c: { command: string }) => c.command).sort()).toEqual(
      open.sort(),
    );
  });

  it.each(contributes.commands as Record<string, string>[])(
    '$command has a category and the icon of the table',
    (entry) => {
      const { icon } = table.find(({ id }) => id === entry.command) ?? {};
      expect(entry.category).toBe('Vernier');
      expect(entry.icon).toBe(`$(${icon})`);
      expect(entry.title).toMatch(/^%.+%$/);
    },
  );

  it('put only known commands into menus and key bindings', () => {
    const used = [...Object.values(contributes.menus).flat(), ...contributes.keybindings];
    const known = new Set(table.map(({ id }) => id));
    for (const { command } of used as { command: string }[]) expect(known).toContain(command);
  });

  it('say of every command in a title bar when it is there', () => {
    for (const entry of contributes.menus['editor/title']) expect(entry.when).toBeTruthy();
  });

  it('use only context keys that are kept', () => {
    const known = new Set<string>(Object.values(contextKeys));
    const clauses = [
      ...Object.values<{ when?: string }[]>(contributes.menus).flat(),
      ...contributes.keybindings,
      ...contributes.commands,
    ].map(({ when, enablement }) => `${when} ${enablement}`);
    for (const clause of clauses)
      for (const [key] of clause.matchAll(/vernier\.(?!inspector)\w+/g))
        expect(known).toContain(key);
  });

  it('have the same settings, each with scope, description and default', () => {
    const properties = contributes.configuration.properties;
    expect(Object.keys(properties).sort()).toEqual(Object.keys(settings).sort());
    for (const [key, { scope, default: value }] of Object.entries(settings)) {
      expect(properties[key]).toMatchObject({ scope, default: value });
      expect(properties[key].markdownDescription).toMatch(/^%.+%$/);
      if (properties[key].type === 'number')
        expect(properties[key].minimum).toBeLessThan(properties[key].maximum);
      if (properties[key].enum)
        expect(properties[key].enumDescriptions).toHaveLength(properties[key].enum.length);
    }
  });

  it('have the same names for editor, language, renderer and tools', () => {
    expect(contributes.customEditors[0].viewType).toBe(ids.editor);
    expect(contributes.languages[0].id).toBe(ids.language);
    expect(contributes.notebookRenderer[0].id).toBe(ids.renderer);
    expect(contributes.walkthroughs[0].id).toBe(ids.walkthrough);
    expect(contributes.languageModelTools.map((t: { name: string }) => t.name)).toEqual([
      ids.inspectTool,
      ids.quantizeTool,
    ]);
    expect(manifest.activationEvents).toEqual([`onNotebook:${ids.notebookType}`]);
  });

  it('name files that exist', () => {
    const files = [
      contributes.languages[0].configuration,
      contributes.grammars[0].path,
      contributes.yamlValidation[0].url,
      ...contributes.walkthroughs[0].steps.map(
        (step: { media: { markdown: string } }) => step.media.markdown,
      ),
    ];
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
    expect(contributes.walkthroughs[0].steps.length).toBeLessThanOrEqual(6);
  });
});

describe('texts', () => {
  const used = [...read('package.json').matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key as string);

  it.each(['package.nls.json', 'package.nls.zh-cn.json'])(
    '%s has every key once used, no other',
    (name) => {
      const texts = json(name);
      expect(Object.keys(texts).sort()).toEqual([...new Set(used)].sort());
      for (const text of Object.values(texts)) expect(text).not.toBe('');
    },
  );

  it.each(['l10n/bundle.l10n.json', 'l10n/bundle.l10n.zh-cn.json'])(
    '%s has every text of the code, no other',
    (name) => {
      expect(Object.keys(json(name)).sort()).toEqual(textsOfTheCode());
    },
  );
});

/** The first argument of every `l10n.t(…)` below src/extension. */
function textsOfTheCode(): string[] {
  const folder = join(root, 'src/extension');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const texts = files.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/l10n\.t\(\s*'((?:[^'\\]|\\.)*)'/g)].map(
      ([, text]) => (text as string).replaceAll("\\'", "'"),
    ),
  );
  return [...new Set(texts)].sort();
}
