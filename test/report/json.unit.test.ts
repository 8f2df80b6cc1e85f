import { describe, expect, it } from 'vitest';
import { toErrorDocument, toJsonDocument, toSummaryDocument } from '../../src/report/json';
import type { Note } from '../../src/results';
import { bareResult, layerResult, modelSummary, runResult, tanhBreak } from '../fixtures/result';

describe('toJsonDocument', () => {
  it('has the promised keys with their values', () => {
    const document = toJsonDocument(runResult());
    expect(document).toMatchObject({
      model: 'tiny.onnx',
      output: 'tiny.int8.onnx',
      target: 'x86-vnni',
      mode: 'static',
      int8_mac_share: 0.985,
      size: { fp32: 469_528, int8: 126_000 },
      sqnr_db: { scores: 24.53 },
      latency: { fp32_ms: 0.42, int8_ms: 0.22, speedup: 1.91, low: 1.82, high: 2.04 },
      accuracy: { metric: 'top1', fp32: 0.9, int8: 0.885, low: -0.03, high: 0.005, n: 480 },
      calibration: { samples: 64, source: 'calibration.npy', random: false },
      seconds: { calibrate: 0.8, quantize: 0.2, analyze: 1.5, evaluate: 0.9 },
      warnings: [],
    });
    const [first] = document.layers as Record<string, unknown>[];
    expect(Object.keys(first!).slice(0, 10)).toEqual([
      'name',
      'op',
      'kind',
      'precision',
      'reason',
      'local_db',
      'accumulated_db',
      'costs_db',
      'executed',
      'macs',
    ]);
    expect(first).toMatchObject({ name: '/conv1/Conv', local_db: 38.2, costs_db: 0.4 });
    expect(document.fusions).toMatchObject([
      { pattern: 'Conv+BatchNorm', status: 'blocked', blocked_by: { node: '/spy' } },
    ]);
  });

  it('says null for what was not measured', () => {
    const document = toJsonDocument(bareResult());
    for (const key of ['size', 'latency', 'accuracy', 'calibration', 'int8_mac_share', 'load'])
      expect(document[key]).toBeNull();
    expect(document.sqnr_db).toEqual({});
    expect(document.seconds).toEqual({
      calibrate: null,
      quantize: null,
      analyze: null,
      evaluate: null,
    });
  });

  it('survives JSON unchanged, infinities as null', () => {
    const local = { sqnrDb: Infinity, cosine: NaN, maxAbs: 0 };
    const document = toJsonDocument(runResult({ layers: [layerResult('a', { local })] }));
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    expect(document.layers).toMatchObject([{ local_db: null, local_cosine: null }]);
  });

  it('says what quantization breaks cost, and null where that was not timed', () => {
    const breaks = [tanhBreak({ conversionMs: 0.125, floatMs: 0 }), tanhBreak()];
    expect(toJsonDocument(runResult({ breaks })).breaks).toMatchObject([
      { layer: '/tanh', conversion_ms: 0.125, float_ms: 0 },
      { layer: '/tanh', conversion_ms: null, float_ms: null },
    ]);
  });

  it('lists warnings and errors, not infos', () => {
    const notes = (['info', 'warning', 'error'] as const).map((severity) => ({
      code: severity,
      severity,
      message: `${severity}!`,
    }));
    const document = toJsonDocument(runResult({ notes }));
    expect(document.warnings).toEqual(['warning!', 'error!']);
    expect(document.notes).toHaveLength(3);
  });
});

it('toSummaryDocument keeps open dimensions', () => {
  const document = toSummaryDocument(modelSummary());
  expect(document).toMatchObject({
    model: 'tiny.onnx',
    inputs: [{ shape: ['batch', 3, 32, null] }],
    macs: null,
    layers: [{ name: '/conv1/Conv', absorbed: ['/bn1', '/relu1'], source: 'conv1 (model.py:3)' }],
  });
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
});

it('toSummaryDocument keeps where a note belongs and what to do about it', () => {
  const note: Note = {
    code: 'training-mode',
    severity: 'warning',
    message: 'm',
    layer: '/bn1',
    tensor: 't',
    remedy: 'Export it again.',
  };
  const { notes, warnings } = toSummaryDocument(modelSummary({ notes: [note] }));
  expect(notes).toEqual([{ ...note, file: null }]);
  expect(warnings).toEqual(['m']);
});

it('toErrorDocument names every key', () => {
  expect(toErrorDocument({ code: 'data.empty', message: 'm', file: 'f' })).toEqual({
    error: {
      code: 'data.empty',
      message: 'm',
      file: 'f',
      node: null,
      tensor: null,
      line: null,
      remedy: null,
    },
  });
});
