import { describe, expect, it } from 'vitest';
import { fixedNotes } from '../../src/jobs/fixed-notes';
import { fixedSentence, fixedTable } from '../../src/report/fixed';
import type { FixedResult, FixedStepResult } from '../../src/results';

const step = (more: Partial<FixedStepResult> = {}): FixedStepResult => ({
  layer: 'conv',
  op: 'conv',
  inputs: ['Q4.4'],
  weight: 'Q1.7',
  bias: null,
  accumulator: 'Q9.11',
  output: 'Q5.3',
  shift: { low: 8, high: 8 },
  worstBits: 20,
  measuredBits: 17,
  beyond: 0,
  values: 1000,
  different: 0,
  largest: 0,
  exact: true,
  ...more,
});
const result = (steps: FixedStepResult[], more: Partial<FixedResult> = {}): FixedResult => ({
  accumulatorBits: 32,
  samples: 4,
  source: 'x.npy',
  heldBack: true,
  steps,
  host: [],
  files: [{ name: 'm.fixed.h', bytes: 1000 }],
  ...more,
});
const notes = (fixed: FixedResult, integer: string[] = [], interrupted = false) =>
  fixedNotes(fixed, new Set(integer), interrupted).map((n) => [n.code, n.severity, n.layer]);

describe('fixedNotes', () => {
  it('has nothing to say where all codes are equal', () => {
    expect(notes(result([step()]))).toEqual([]);
  });

  it.each([
    ['float32 holds the sums', true, 'error'],
    ['float32 does not hold the sums', false, 'warning'],
  ])('names the step that differs where %s', (_, exact, severity) => {
    const differs = step({ layer: 'b', exact, different: 3, largest: 1 });
    expect(notes(result([step(), differs]))).toEqual([['fixed-differs', severity, 'b']]);
  });

  it.each([
    ['info', 4, 0],
    ['warning', 4, 7],
    ['warning', 0, 0],
  ])('says %s of a sum too wide, on %i samples with %i beyond', (severity, samples, beyond) => {
    const wide = step({ layer: 'wide', worstBits: 35, beyond });
    const all = result([step(), wide, step({ layer: 'less', worstBits: 33 })], { samples });
    const [note] = fixedNotes(all, new Set(), false);
    expect(note).toMatchObject({ code: 'accumulator-too-narrow', severity, layer: 'wide' });
    expect(note!.remedy).toContain('accumulator_bits: 35');
  });

  it('warns where nothing was run', () => {
    expect(notes(result([step({ values: 0 })], { samples: 0 }))).toEqual([
      ['fixed-not-run', 'warning', undefined],
    ]);
  });

  it('tells a node at the end from one in the middle, and INT8 in the file from float', () => {
    const host = [{ node: 'soft', op: 'Softmax', reason: 'it divides' }];
    const fixed = result([step()], { host });
    expect(notes(fixed)).toEqual([['fixed-host', 'info', 'soft']]);
    expect(notes(fixed, ['soft'], true)).toEqual([
      ['fixed-host', 'warning', 'soft'],
      ['fixed-no-step', 'warning', 'soft'],
    ]);
  });
});

describe('the report of fixed point', () => {
  it('says on how many samples all codes are equal, or how many are not', () => {
    expect(fixedSentence(result([step(), step()]))).toMatch(
      /2 steps give onnxruntime's .* codes bit for bit, on 4 samples of x\.npy, not calibrated on\. Exported: m\.fixed\.h/,
    );
    expect(fixedSentence(result([step({ different: 3 })]))).toContain('3 of 1');
    expect(fixedSentence(result([step()], { samples: 0 }))).toContain('were not run');
  });

  it('has a row for every step', () => {
    const wide = step({ worstBits: 35, shift: { low: 6, high: 9 }, different: 1 });
    const { rows } = fixedTable(result([step(), wide, step({ shift: null, values: 0 })]));
    expect(rows.map((r) => [r[7], r[8]])).toEqual([
      ['8', '20'],
      ['6 … 9', '35 > 32'],
      ['', '20'],
    ]);
    expect(rows.map((r) => r[11]!.split(' ')[0])).toEqual(['all', '999', '–']);
  });
});
