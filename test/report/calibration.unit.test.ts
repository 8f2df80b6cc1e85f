import { describe, expect, it } from 'vitest';
import { calibrationText } from '../../src/report/calibration';
import { calibrateText } from '../../src/report/calibrate-text';
import { runResult } from '../fixtures/result';

const withConvergence = (growth: number, enough: number) => ({
  ...runResult(),
  calibrationReport: {
    ranges: null,
    convergence: { samples: 52, enough, growing: [{ tensor: 'x', growth }] },
    heldBack: null,
    likeness: null,
  },
});

describe('what a calibration set was good for', () => {
  it('tells how much doubling widened a range of what half of the samples lack', () => {
    // half of the samples gave 0.8 of the range: the whole is a quarter wider
    expect(calibrationText(withConvergence(0.2, 26))).toContain('widened x by 25 %');
  });

  it('knows the singular', () => {
    const result = withConvergence(0.2, 1);
    expect(calibrationText(result)).toContain('1 sample is enough');
    const calibration = { samples: 1, source: 'one.npy', random: false };
    const one = { ...result, calibration, ranges: result.ranges.slice(0, 1) };
    const text = calibrateText({ result: one, statistics: null, exported: [] });
    expect(text).toContain('1 tensor over 1 sample of one.npy');
  });
});
