import { quantizeGraphs } from '../../quantize/bodies';
import { quantizeDynamic } from '../../quantize/dynamic';
import { isTable } from '../../quantize/tables';
import { forcedLayers } from '../forced';
import { weightsMetadata } from './metadata';
import type { QuantizationMode } from './mode';

const LAYERS = ['MatMul', 'Gemm', 'LSTM', 'GRU', 'RNN'];

/** Weights now, activations while the model runs. */
export const dynamicMode: QuantizationMode = {
  experiments: 'rewrite',
  remedy: 'Use mode: static for convolutions, or shorten keep_fp32.',
  canQuantize: (unit) => isTable(unit) || (unit.weight !== null && LAYERS.includes(unit.op)),
  metadata: (plan) => [weightsMetadata(plan)],
  async quantize({ plan, subject, keep, wishes }) {
    const { granularity } = plan.recipe.quantization.weights;
    const headroom = plan.target === 'x86-avx2';
    const plain = plan.target === 'onnx';
    const forced = forcedLayers(plan, wishes);
    const written = await quantizeGraphs(subject.prepared, subject.units, (model, units) =>
      quantizeDynamic(model, units, keep, granularity, headroom, plain, forced),
    );
    return {
      ...written,
      placement: null,
      params: new Map(),
      codesOf: () => undefined,
      biasChanges: new Map(),
      notes: [],
    };
  },
};
