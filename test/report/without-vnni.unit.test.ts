import { describe, expect, it } from 'vitest';
import { withoutVnniRow, withoutVnniText } from '../../src/report/without-vnni';
import { toJsonDocument } from '../../src/report/json';
import type { LayerWithoutVnni } from '../../src/results';
import { layerResult, runResult } from '../fixtures/result';

const layer = (more: Partial<LayerWithoutVnni>): { withoutVnni: LayerWithoutVnni } => ({
  withoutVnni: { channels: 16, canClip: 0, clippedShare: 0, sqnrDb: null, ...more },
});

describe('on x86 without VNNI', () => {
  it.each([
    [{ withoutVnni: null }, '–'],
    [layer({}), 'same'],
    [layer({ canClip: 14, clippedShare: null }), '14/16 can clip'],
    [layer({ canClip: 14 }), 'same here, 14/16 can clip'],
    [layer({ canClip: 14, clippedShare: 0.1479, sqnrDb: 13.32 }), '14.8 % clip, 13.3 dB'],
  ])('a layer %j: %s', (row, text) => {
    expect(withoutVnniText(row)).toBe(text);
  });

  it('the model has a row of before and after where it was run', () => {
    expect(withoutVnniRow(runResult())!.slice(2)).toEqual([
      '28.4 dB of INT8',
      'n = 16, 93.8 % same label',
    ]);
    expect(withoutVnniRow(runResult({ withoutVnni: null }))).toBeNull();
  });

  it('stands in the document', () => {
    const layers = [layerResult('/a', layer({ canClip: 2, clippedShare: 0.01, sqnrDb: 31.5 }))];
    expect(toJsonDocument(runResult({ layers }))).toMatchObject({
      layers: [{ without_vnni: { channels: 16, can_clip: 2, clipped_share: 0.01, sqnr_db: 31.5 } }],
      without_vnni: {
        samples: 16,
        same_label: 0.9375,
        outputs: [{ name: 'scores', max_abs: 0.2 }],
      },
    });
  });
});
