import { storeAsBfloat16 } from '../../quantize/float16/bfloat16';
import { quantizeFloat16, refuseQuantized, withRounding } from '../../quantize/float16';
import { because } from '../../quantize/float16/reasons';
import type { UnitPlacement } from '../../quantize/placement';
import type { Note } from '../../results';
import { calibrationMetadata } from './metadata';
import type { ModeInput, QuantizationMode } from './mode';

/** Weights and arithmetic in float16, or weights stored as bfloat16. */
export const float16Mode: QuantizationMode = {
  experiments: 'rewrite',
  remedy: 'See the reasons of the layers, and shorten keep_fp32.',
  canQuantize: () => true,
  taps: ({ prepared, typeOf }) => {
    const written = prepared.graph.node.flatMap((n) => n.output);
    const inputs = prepared.graph.input.map((v) => v.name);
    return [...inputs, ...written].filter((name) => typeOf(name) === 'float32');
  },
  simulate: (plan) => (plan.recipe.quantization.half!.type === 'float16' ? withRounding : null),
  metadata: (plan) => {
    const { type, keepIo } = plan.recipe.quantization.half!;
    return [
      ['vernier.half', `${type}, inputs and outputs ${keepIo ? 'float32' : type}`],
      ...(plan.recipe.calibration ? calibrationMetadata(plan) : []),
    ];
  },
  async quantize(input) {
    const half = input.plan.recipe.quantization.half!;
    const { model, units, notes } = half.type === 'float16' ? float16(input) : bfloat16(input);
    return {
      model,
      units,
      placement: null,
      params: new Map(),
      inHalf: !half.keepIo && half.type === 'float16',
      codesOf: () => undefined,
      weightScales: new Map(),
      biasChanges: new Map(),
      notes,
    };
  },
};

function float16({ plan, subject, calibrated, keep }: ModeInput) {
  const { prepared, units, look } = subject;
  const cuda = plan.target === 'nvidia-fp16';
  const { keepIo } = plan.recipe.quantization.half!;
  const statistics = calibrated?.statistics ?? null;
  return quantizeFloat16(prepared, units, look.shapes, { keepIo, cuda, keep, statistics });
}

function bfloat16({ subject, keep }: ModeInput) {
  const { prepared, units } = subject;
  refuseQuantized(prepared);
  const kept = [...keep].map(
    (name) => [name, because('kept', 'kept in FP32 by the recipe')] as const,
  );
  const { model, stored, reasons } = storeAsBfloat16(prepared, new Map(kept));
  const placed = units.map((unit): UnitPlacement => {
    if (stored.has(unit.name)) return { unit, integer: true, precision: 'bfloat16', reason: null };
    const why = reasons.get(unit.name)?.message ?? 'it has no weights, and only weights are stored';
    return { unit, integer: false, reason: why };
  });
  const notes: Note[] = [
    {
      code: 'bfloat16-storage',
      severity: 'info',
      message:
        'Weights are stored as bfloat16 and cast to float32 as the model loads: onnxruntime computes no bfloat16 on CPU. Range is that of float32, precision is 8 bits.',
    },
  ];
  return { model, units: placed, notes };
}
