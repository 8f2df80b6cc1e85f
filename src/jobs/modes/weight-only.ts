import { ScopedIndex, type Body } from '../../onnx';
import { quantizeGraphs } from '../../quantize/bodies';
import {
  localWeightOnly,
  outputLayers,
  quantizeWeightOnly,
  weightSource,
  type ShapeOf,
  type WeightOnlySettings,
} from '../../quantize/weight-only';
import type { Unit } from '../../quantize/units';
import type { LayerWish } from '../../recipe/match';
import type { Target } from '../../results';
import type { Plan } from '../plan';
import type { Subject } from '../subject';
import type { QuantizationMode } from './mode';

/** Targets whose runtime has MatMulNBits; others get ONNX's own operators. */
const CPUS: readonly Target[] = ['x86-vnni', 'x86-avx2', 'arm64'];

/** Weights in 4 or 8 bits, activations in float between layers. */
export const weightOnlyMode: QuantizationMode = {
  experiments: 'rewrite',
  remedy:
    'Use mode: static for convolutions and mode: dynamic for LSTM, or shorten keep_fp32. See the reasons of the layers.',
  canQuantize: (unit, subject) => {
    const index = new ScopedIndex(subject.prepared.graph).of(unit.body);
    return typeof weightSource(index, unit, shapeOf(subject, unit.body)) !== 'string';
  },
  metadata: (plan) => {
    const { type, granularity, block, method } = plan.recipe.quantization.weightOnly!;
    const of = granularity === 'block' ? `block ${block}` : granularity;
    return [['vernier.weights', `${type} ${of} ${method} ${formOf(plan)}`]];
  },
  async quantize({ plan, subject, keep, wishes }) {
    const settings = settingsOf(plan, subject, wishes);
    const written = await quantizeGraphs(subject.prepared, subject.units, (prepared, units) =>
      quantizeWeightOnly(
        {
          prepared,
          units,
          keep,
          shapeOf: shapeOf(subject, units[0]?.body),
          refusal: settings.form === 'qdq' ? outsideCodes(subject, units) : null,
        },
        settings,
      ),
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
  localModel: ({ plan, subject, keep, wishes }) =>
    localWeightOnly(
      {
        prepared: subject.prepared,
        units: subject.units.filter((unit) => !unit.body),
        keep,
        shapeOf: shapeOf(subject),
      },
      settingsOf(plan, subject, wishes),
    ),
};

/** What reads the weights. */
function formOf(plan: Plan): WeightOnlySettings['form'] {
  const { form } = plan.recipe.quantization.weightOnly!;
  return form ?? (CPUS.includes(plan.target) ? 'matmul-nbits' : 'qdq');
}

function settingsOf(
  plan: Plan,
  subject: Subject,
  wishes: ReadonlyMap<string, LayerWish>,
): WeightOnlySettings {
  const main = subject.units.filter((unit) => !unit.body);
  const outputs = outputLayers(subject.prepared, main, shapeOf(subject));
  const { type, outer, granularity, block, method, accuracyLevel } =
    plan.recipe.quantization.weightOnly!;
  return {
    form: formOf(plan),
    granularity,
    block,
    method,
    accuracyLevel,
    typeOf: (layer, op) =>
      wishes.get(layer)?.weights ?? (op === 'Gather' || outputs.has(layer) ? outer : type),
  };
}

/**
 * Why a body cannot have blocks of DequantizeLinear. The constants that a body shares with others lie outside it, and
 * onnxruntime 1.30 does not load a model in which it would fuse a DequantizeLinear with a MatMul inside that reads
 * codes from outside (“TransposeDQWeightsForMatMulNBits Missing required weight”).
 */
function outsideCodes({ prepared }: Subject, units: readonly Unit[]): string | null {
  const body = units[0]?.body;
  if (!body) return null;
  const index = new ScopedIndex(prepared.graph).of(body);
  const own = new Set(body.graph.initializer.map((t) => t.name));
  const nodes = units.flatMap((u) => [u.node, u.biasNode, u.activation]);
  const outside = nodes
    .flatMap((node) => node?.input ?? [])
    .find((name) => index.isConstant(name) && !own.has(name));
  return outside === undefined
    ? null
    : `it is inside '${body.path}', whose constants ('${outside}') lie outside: onnxruntime cannot load DequantizeLinear there. form: matmul-nbits packs it`;
}

/** Shapes of the tensors of a body, or of the main graph. */
function shapeOf({ look, prepared }: Subject, body?: Body): ShapeOf {
  const graph = body?.graph ?? prepared.graph;
  const shapes = look.bodyShapes.get(graph);
  const constants = new Map(graph.initializer.map((t) => [t.name, t.dims.map(Number)]));
  return (tensor) => shapes?.get(tensor)?.shape ?? constants.get(tensor) ?? null;
}
