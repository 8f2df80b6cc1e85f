/** The sensitivity of layers in the table: which numbers stand where two are known, which columns and what order. */
import { describe, expect, it } from 'vitest';
import type { InspectorState, SensitivityReport } from '../../src/protocol';
import { COLUMNS } from '../../webview/logic/columns';
import { fittingColumns } from '../../webview/logic/fit';
import { joinRows } from '../../webview/logic/rows';
import { sensitivityColumns, sensitivitySort } from '../../webview/logic/sensitivity';
import { sortRows } from '../../webview/logic/sort';
import { sensitivity } from './harness/sensitivity';
import { states } from './harness/states';

const done = (): InspectorState => states.done!();
const [EARLIER, LATER] = ['2020-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z'];

function rowOf(
  state: InspectorState,
  report: SensitivityReport,
  finishedAt: string,
  changed = false,
) {
  const measurement = { report, when: { finishedAt, modelChanged: false }, changed };
  const rows = joinRows(state.summary, state.result, [], measurement);
  return rows.find(({ name }) => name === 'conv_dw_3')!;
}

describe('what a run found and what was measured by itself', () => {
  const changed = () => {
    const state = done();
    const report = sensitivity(state.result!);
    for (const layer of report.layers) {
      layer.expectedDb = 1;
      layer.costsDb = 2;
      layer.share = 0.25;
    }
    return { state, report };
  };

  it('the newer stands', () => {
    const { state, report } = changed();
    expect(rowOf(state, report, LATER)).toMatchObject({ expected: 1, costs: 2, share: 0.25 });
    const older = rowOf(state, report, EARLIER);
    expect(older).toMatchObject({ costs: 2.6, share: 0.44, shareBy: 'exact' });
    expect(older.expected).toBeGreaterThan(1);
  });

  it('what only one of them knows stands in any case', () => {
    const { state, report } = changed();
    const older = rowOf(state, report, EARLIER);
    expect(older.alone?.klNats).toBeGreaterThan(0);
    expect(older.sensitivity?.weights?.sqnrDb).toBeGreaterThan(0);
    for (const layer of report.layers) layer.costsDb = null;
    expect(rowOf(state, report, LATER).costs).toBe(2.6);
  });

  it('shares are those of the better stage, and say which', () => {
    const { state, report } = changed();
    report.shareBy = 'analytic';
    expect(rowOf(state, report, LATER)).toMatchObject({ share: 0.44, shareBy: 'exact' });
    const unmeasured = { ...state, result: null };
    expect(rowOf(unmeasured, report, LATER)).toMatchObject({ share: 0.25, shareBy: 'analytic' });
    // a run of another recipe that only estimated them is nearer to the truth than what was run before
    for (const layer of state.result!.layers) layer.noiseShareBy = 'two-pass';
    report.shareBy = 'exact';
    const shareOf = (changed: boolean) => rowOf(state, report, EARLIER, changed).shareBy;
    expect([shareOf(false), shareOf(true)]).toEqual(['exact', 'two-pass']);
    for (const layer of state.result!.layers) delete layer.noiseShareBy;
    report.shareBy = 'analytic';
    const text = COLUMNS.find(({ id }) => id === 'share')!.text;
    expect(text(rowOf(unmeasured, report, LATER))).toBe('≈ 25.0');
    expect(text(rowOf(state, report, LATER))).toBe('44.0');
  });
});

describe('the table of layers', () => {
  const { result } = done();

  it('writes a metric as it is written elsewhere, with intervals, and marks what is not proven', () => {
    const row = rowOf(done(), sensitivity(result!), LATER);
    const text = (id: string) => COLUMNS.find((column) => column.id === id)!.text(row);
    expect(text('metricOnly')).toBe('45.5 % (−9.5 … −3.5)');
    expect(text('metricBut')).toBe('50.6 % (−4.4 … +1.6)');
    expect(text('metricBuys')).toBe('+2.6 (+0.6 … +5.6)');
    row.sensitivity!.metric!.buys!.unproven = true;
    expect(text('metricBuys')).toBe('+2.6 (+0.6 … +5.6) ?');
    row.sensitivity!.metric!.onlyThis!.own = { name: 'F1', unit: 'x' };
    row.sensitivity!.metric!.onlyThis!.metric = './f1.mjs';
    expect(text('metricOnly')).toMatch(/^0\.455 x \(/);
  });

  it('shows the columns that measuring has filled', () => {
    const all = sensitivityColumns(sensitivity(result!));
    expect([...all].sort()).toEqual(
      [
        ...['expected', 'twoPass', 'onlyThis', 'onlyWeights', 'onlyInputs', 'allButThis'],
        ...['metricOnly', 'metricBut', 'metricBuys'],
      ].sort(),
    );
    const stopped = { ...sensitivity(result!, true), measure: 'sqnr' as const };
    expect([...sensitivityColumns(stopped)]).toEqual(['expected']);
    expect([...sensitivityColumns(null)]).toEqual([]);
    const ids = (chosen: object) => fittingColumns(3000, chosen, all).map(({ id }) => id);
    expect(ids({})).toContain('metricOnly');
    expect(ids({ metricOnly: false })).not.toContain('metricOnly');
  });

  it.each([
    ['sqnr', { column: 'onlyThis', descending: false }],
    ['kl', { column: 'kl', descending: true }],
    ['cosine', { column: 'lacksCosine', descending: true }],
    ['same-label', { column: 'sameLabel', descending: false }],
    ['metric', { column: 'metricOnly', descending: true }],
  ] as const)('has the worst by %s first', (measure, wanted) => {
    const report = { ...sensitivity(result!), measure };
    const sort = sensitivitySort(report);
    expect(sort).toEqual(wanted);
    const state = { ...done(), sensitivity: report };
    const rows = joinRows(state.summary, result, [], { report, when: null, changed: false });
    expect(sortRows(rows, sort)[0]!.name).toBe('conv_dw_3');
  });

  it('is sorted by the stage that all layers are known of, or as it was', () => {
    const stopped = { ...sensitivity(result!, true), measure: 'sqnr' as const };
    expect(sensitivitySort(stopped)).toEqual({ column: 'expected', descending: false });
    expect(sensitivitySort({ ...stopped, shareBy: null })).toBeNull();
  });
});
