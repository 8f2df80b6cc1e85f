/** Weight-only quantization of small graphs, and what the runtime makes of the result. */
import { executedKernels } from '../../../src/analyze/executed';
import { inlineExternal, serializeModel, type Model } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { prepare } from '../../../src/quantize/prepare';
import { listUnits } from '../../../src/quantize/units';
import {
  localWeightOnly,
  quantizeWeightOnly,
  type WeightOnlySettings,
  type WeightType,
} from '../../../src/quantize/weight-only';
import { optimizedGraph } from '../../../src/runtime/optimized';

export interface WeightOnlyOptions extends Partial<Omit<WeightOnlySettings, 'typeOf'>> {
  type?: WeightType;
  types?: Record<string, WeightType>;
  keep?: readonly string[];
}

/** Settings with accuracy level 1: products are float32, so that numbers can be compared. */
function settingsOf({ type = 'int4', types = {}, ...rest }: WeightOnlyOptions): WeightOnlySettings {
  return {
    form: 'matmul-nbits',
    granularity: 'block',
    block: 32,
    method: 'rtn',
    accuracyLevel: 1,
    ...rest,
    typeOf: (layer) => types[layer] ?? type,
  };
}

/** Prepares and quantizes a model; says how the runtime executes every layer of it. */
export async function weightOnly(source: Model, options: WeightOnlyOptions = {}) {
  const { keep = [] } = options;
  const { model: prepared, context } = await prepare(source);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  const shapeOf = (tensor: string) => shapes.get(tensor)?.shape ?? null;
  const input = { prepared, units, keep: new Set(keep), shapeOf };
  const written = quantizeWeightOnly(input, settingsOf(options));
  const local = () => localWeightOnly(input, settingsOf(options));
  const optimized = await optimizedGraph(serializeModel(inlineExternal(written.model)));
  const executed = executedKernels(optimized, units, prepared);
  const reasonOf = (layer: string) => written.units.find((u) => u.unit.name === layer)!.reason;
  return { ...written, prepared, units: written.units, optimized, executed, local, reasonOf };
}

/** The identity matrix of size n: a product with it shows the weights that the runtime computes with. */
export function identity(n: number): Float32Array {
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) values[i * n + i] = 1;
  return values;
}
