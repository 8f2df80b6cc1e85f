/** The engine's own stages in memory, without files: what most tests of quantization start from. */
import { executedKernels, type Executed } from '../../src/analyze/executed';
import type { Feed, Model } from '../../src/onnx';
import { serializeModel } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { chooseParams, type QuantParams } from '../../src/numeric';
import { balances, type Balances } from '../../src/quantize/balance';
import { calibrate, type Statistics } from '../../src/quantize/calibrate';
import { channelParams } from '../../src/quantize/channelwise';
import { place, type Placement } from '../../src/quantize/placement';
import { prepare } from '../../src/quantize/prepare';
import { writeQdq, type WrittenQdq } from '../../src/quantize/qdq';
import { observeTogether } from '../../src/quantize/observers';
import { hiddenKey, hiddenTensors, isRecurrent } from '../../src/quantize/recurrent';
import { listUnits, type TypeOf, type Unit } from '../../src/quantize/units';
import type { PassContext } from '../../src/quantize/context';
import { optimizedGraph } from '../../src/runtime/optimized';
import { WEIGHT_BITS } from './machine';
import { randomFeeds } from './runtime';

export interface QuantizeOptions {
  keep?: readonly string[];
  /** Layers that a recipe asks to be INT8. */
  forced?: readonly string[];

  type?: 'uint8' | 'int8';
  granularity?: 'channel' | 'tensor';
  /** Of weights: {@link WEIGHT_BITS} where it is not said. */
  bits?: number;
  feeds?: readonly Feed[];
  unusable?: ReadonlyMap<string, string>;
  /** Scales for every channel where a convolution can have them, as jobs write them; here false if not said. */
  channelwise?: boolean;
  /** Balances channels with the weights that read them, as `improve: [equalize]` does. */
  equalize?: boolean;
  /** Scales and zero points by tensor, instead of those from calibration. */
  params?: ReadonlyMap<string, QuantParams>;
}

/** A model made ready, its layers, and statistics of every float tensor that could be quantized. */
export interface Ready {
  prepared: Model;
  context: PassContext;
  units: Unit[];
  typeOf: TypeOf;
  feeds: readonly Feed[];
  statistics: Statistics;
}

export interface QuantizedModel extends Ready, WrittenQdq {
  placement: Placement;
  params: Map<string, QuantParams>;
  balanced: Balances;
}

export async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve();
  yield* items;
}

const hidden = ({ node }: Unit) => (isRecurrent(node) ? hiddenTensors(node) : []);

/** Prepares a model and calibrates it on random data. */
export async function ready(
  model: Model,
  feeds?: readonly Feed[],
  forced: readonly string[] = [],
): Promise<Ready> {
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const typeOf: TypeOf = (tensor) => shapes.get(tensor)?.type;
  const units = listUnits(prepared, context, typeOf);
  const samples = feeds ?? randomFeeds(prepared, 4);
  // what any placement may quantize, as jobs tap it: the runtime can fuse the rest
  const options = { keep: new Set<string>(), forced: new Set(forced) };
  const everything = place(prepared, units, options, typeOf);
  const tensors = new Set(everything.quantized.values());
  for (const node of everything.joining) node.input.forEach((t) => tensors.add(t));
  for (const { unit, integer } of everything.units)
    if (integer || unit.weight)
      [...unit.inputs, unit.output, ...hidden(unit)].forEach((t) => tensors.add(t));
  const floats = [...tensors].filter((t) => (typeOf(t) ?? 'float32') === 'float32');
  const statistics = await calibrate(prepared, floats, each(samples));
  return { prepared, context, units, typeOf, feeds: samples, statistics };
}

/** Writes Q/DQ with min-max ranges. */
export function quantizeReady(subject: Ready, options: QuantizeOptions = {}): QuantizedModel {
  const { keep = [], type = 'uint8', granularity = 'channel', unusable } = options;
  const { bits = WEIGHT_BITS } = options;
  const { prepared, units, typeOf, statistics } = subject;
  const chosen = [...statistics].map(([t, s]) => [t, chooseParams(s.min, s.max, type)] as const);
  const params = new Map<string, QuantParams>([...chosen, ...(options.params ?? [])]);
  for (const { node } of units.filter((u) => isRecurrent(u.node))) {
    const seen = hiddenTensors(node).flatMap((t) => statistics.get(t) ?? []);
    params.set(hiddenKey(node), observeTogether(seen, 'minmax', type));
  }
  const placement = place(
    prepared,
    units,
    { keep: new Set(keep), forced: new Set(options.forced), ...(unusable ? { unusable } : {}) },
    typeOf,
  );
  const paramsOf = (tensor: string) => params.get(tensor)!;
  const channelsOf = (tensor: string) => {
    const of = statistics.get(tensor);
    return of && options.channelwise ? channelParams(of, paramsOf(tensor), type, 0) : null;
  };
  const balanced: Balances = options.equalize
    ? balances(prepared, placement, { statistics, paramsOf, given: () => false, type, fewest: 1 })
    : new Map();
  const written = writeQdq(
    prepared,
    placement,
    paramsOf,
    { type },
    () => ({ granularity, bits }),
    new Map(),
    channelsOf,
    balanced,
  );
  return { ...subject, ...written, placement, params, balanced };
}

/** Both of them. */
export async function quantize(model: Model, options: QuantizeOptions = {}) {
  return quantizeReady(await ready(model, options.feeds, options.forced), options);
}

/** How the runtime executes every layer of a written model. */
export async function executed(quantized: Pick<QuantizedModel, 'model' | 'units' | 'prepared'>) {
  const optimized = await optimizedGraph(serializeModel(quantized.model));
  const found = executedKernels(optimized, quantized.units, quantized.prepared);
  return {
    optimized,
    found,
    of: (layer: string): Executed => {
      const kernel = found.get(layer);
      if (!kernel) throw new Error(`'${layer}' is not in the optimized graph`);
      return kernel;
    },
  };
}
