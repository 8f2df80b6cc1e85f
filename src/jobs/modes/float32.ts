import type { QuantizationMode } from './mode';

/** Nothing is quantized: the folded model, for where choosing found nothing faster. */
export const float32Mode: QuantizationMode = {
  experiments: 'rewrite',
  remedy: 'Name a mode to quantize all the same.',
  mayBeEmpty: true,
  canQuantize: () => false,
  metadata: () => [],
  async quantize({ subject, keep }) {
    const units = subject.units.map((unit) => ({
      unit,
      integer: false,
      reason: keep.has(unit.name)
        ? 'kept in FP32 by the recipe'
        : 'the whole model stays in FP32, which is faster on this machine',
    }));
    return Promise.resolve({
      model: subject.prepared.copy(),
      units,
      placement: null,
      params: new Map(),
      codesOf: () => undefined,
      weightScales: new Map(),
      biasChanges: new Map(),
      notes: [],
    });
  },
};
