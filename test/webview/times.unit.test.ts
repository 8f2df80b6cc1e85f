import { describe, expect, test } from 'vitest';
import type { InspectorState, LatencyProfile } from '../../src/protocol';
import { COLUMNS } from '../../webview/logic/columns';
import { proposals } from '../../webview/logic/proposals';
import { joinRows } from '../../webview/logic/rows';
import { states } from './harness/states';

/** The finished run of the harness with its first two layers timed. */
function timed(kept: string[] = []): { state: InspectorState; names: [string, string] } {
  const state = states.done!();
  const result = state.result!;
  const [a, b] = result.layers.map(({ name }) => name) as [string, string];
  const model = { runMs: 2, outsideMs: 0, kernels: [] };
  const profile: LatencyProfile = {
    ...{ runs: 20, threads: 1, fp32: model, int8: model, cause: null, matched: 1 },
    layers: [
      {
        ...{ layer: a, group: a, slower: true },
        fp32: { ms: 0.5, conversionMs: 0, in: null },
        int8: { ms: 0.75, conversionMs: 0.1, in: null },
        changeMs: { value: 0.35, low: 0.3, high: 0.4 },
      },
      {
        ...{ layer: b, group: a, slower: false, changeMs: null },
        fp32: { ms: 0, conversionMs: 0, in: a },
        int8: null,
      },
    ],
    fixes: [{ layers: [a], savesMs: 0.35 }],
  };
  const latency = { ...result.latency!, profile };
  const recipe = { ...state.recipe, kept, dirtySinceResult: false };
  return { state: { ...state, recipe, result: { ...result, latency } }, names: [a, b] };
}

const rowsOf = (s: InspectorState) => joinRows(s.summary, s.result, s.recipe.kept);

describe('times of layers', () => {
  test('stand in columns of their own', () => {
    const { state, names } = timed();
    const rows = rowsOf(state);
    const text = (layer: string) =>
      ['timeFp32', 'timeInt8', 'timeChange'].map((id) =>
        COLUMNS.find((c) => c.id === id)!.text(rows.find((r) => r.name === layer)!),
      );
    expect(text(names[0])).toEqual(['0.500', '0.750', '0.350']);
    // it runs in another layer's kernel, and is not seen in the written model
    expect(text(names[1])).toEqual(['↑', '·', '·']);
  });

  test('what is slower in integers is proposed to be kept, until it is', () => {
    const { state, names } = timed();
    const find = (s: InspectorState) => proposals(s, rowsOf(s)).find((p) => p.id === 'keep-slow');
    expect(find(state)).toMatchObject({
      why: ['do.keepSlowWhy', { ms: '0.350' }],
      does: { kind: 'keep', layers: [names[0]], keep: true },
    });
    expect(find(timed([names[0]]).state)).toBeUndefined();
  });

  test('goes behind a layer that costs more of the decibels than it saves of the time, and before one that costs less', () => {
    const { state } = timed();
    const first = (savesMs: number, outputDb: number) => {
      const changed = structuredClone(state);
      const result = changed.result!;
      result.latency!.int8Ms = 1;
      result.latency!.profile!.fixes[0]!.savesMs = savesMs;
      result.latency!.verdict = 'faster';
      for (const output of result.outputs) output.sqnrDb = outputDb;
      result.sqnrDb = Object.fromEntries(Object.keys(result.sqnrDb).map((k) => [k, outputDb]));
      for (const layer of result.layers) layer.costsDb = layer.name === names[1] ? 8 : 0;
      const ids = proposals(changed, rowsOf(changed)).map(({ id }) => id);
      return ids.filter((id) => /^keep-(slow|worst)$/.test(id));
    };
    const { names } = timed();
    expect(first(0.02, 20)).toEqual(['keep-worst', 'keep-slow']);
    expect(first(0.6, 20)).toEqual(['keep-slow', 'keep-worst']);
    expect(first(0.005, 20)).toEqual(['keep-worst']);
  });

  test('results of versions without a profile have none', () => {
    const { state } = timed();
    const old = structuredClone(state.result!);
    delete (old.latency as Partial<typeof old.latency & object>).profile;
    expect(joinRows(state.summary, old, []).every((row) => row.time === null)).toBe(true);
  });
});
