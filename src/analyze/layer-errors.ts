import { floatsOf } from '../data';
import { GraphIndex, type Feed, type Model } from '../onnx';
import { localModel, type ExperimentSettings, type LocalModel } from '../quantize/experiments';
import type { UnitPlacement } from '../quantize/placement';
import type { WrittenCodes } from '../quantize/qdq';
import type { Resume } from '../resume';
import { openTapped } from '../runtime/taps';
import {
  LayerSum,
  TwinSum,
  type AccumulatedError,
  type LayerSumData,
  type LocalError,
  type TwinSumData,
} from './layer-sums';

export { closenessOf, type AccumulatedError, type LocalError } from './layer-sums';

/** Called after each sample. */
export type OnSample = (done: number) => void | Promise<void>;

/** The sums of layers over the first `done` samples. */
export interface SummedLayers<D> {
  done: number;
  layers: [string, D][];
}

/** Where sums over samples are kept and gone on with. */
export type ResumeLayers<D> = Resume<SummedLayers<D>>;

/**
 * Local error of every integer layer (DESIGN §5) in one pass: each layer runs beside its quantized twin on exact
 * inputs. @param samples feeds; @param onSample hears of the samples of this call and those that `resume` has;
 * @returns by layer name
 */
export async function localErrors(
  prepared: Model,
  placements: readonly UnitPlacement[],
  settings: ExperimentSettings,
  samples: Iterable<Feed> | AsyncIterable<Feed>,
  onSample?: OnSample,
  resume?: ResumeLayers<TwinSumData>,
): Promise<Map<string, LocalError>> {
  return twinErrors(localModel(prepared, placements, settings), samples, onSample, resume);
}

/** The same from a model that has its twins already. */
export async function twinErrors(
  { model, taps }: LocalModel,
  samples: Iterable<Feed> | AsyncIterable<Feed>,
  onSample?: OnSample,
  resume?: ResumeLayers<TwinSumData>,
): Promise<Map<string, LocalError>> {
  const names = [...taps.values()].flatMap((t) => [t.exact, t.local]);
  if (names.length === 0) return new Map();
  const before = resume?.before ?? { done: 0, layers: [] };
  const sums = new Map(before.layers.map(([name, data]) => [name, TwinSum.fromData(data)]));
  const { session } = await openTapped(model, names);
  try {
    for await (const [done, feed] of from(samples, before.done)) {
      const values = await session.run(feed, [...new Set(names)]);
      for (const [layer, tap] of taps) {
        const exact = floatsOf(values[tap.exact]);
        const local = floatsOf(values[tap.local]);
        if (!exact || !local) continue;
        const { dims } = values[tap.exact]!;
        let sum = sums.get(layer);
        if (!sum) sums.set(layer, (sum = TwinSum.of(dims)));
        sum.add(exact, local, dims);
      }
      await resume?.step(() => stateOf(done, sums));
      await onSample?.(done);
    }
  } finally {
    await session.release();
  }
  return new Map([...sums].map(([layer, sum]) => [layer, sum.result()]));
}

/** Where the codes of a quantized tensor are in the written model. */
export type CodesOf = (
  tensor: string,
) => Pick<WrittenCodes, 'quantized' | 'params' | 'channels'> | undefined;

/**
 * Error of every layer's output in the quantized model against FP32 on the same input. Codes are read where
 * they are (reading a float between a kernel and its quantizer would make the runtime execute something else).
 * @param layers name and output tensor of each layer to look at
 */
export async function accumulatedErrors(
  prepared: Model,
  written: Model,
  layers: readonly { name: string; output: string }[],
  codesOf: CodesOf,
  samples: () => Iterable<Feed> | AsyncIterable<Feed>,
  onSample?: OnSample,
  resume?: ResumeLayers<LayerSumData>,
): Promise<Map<string, AccumulatedError>> {
  const index = new GraphIndex(written.graph);
  const original = new GraphIndex(prepared.graph);
  const taps = layers.flatMap(({ name, output }) => {
    const codes = codesOf(output);
    const readers = index.consumers(output);
    const onlyQuantized =
      codes !== undefined &&
      (readers.every((r) => r.opType === 'QuantizeLinear') || !index.producer(output));
    const isShippedOutput =
      codes !== undefined && index.producer(output)?.opType === 'DequantizeLinear';
    const useCodes = onlyQuantized || isShippedOutput;
    const tensor = useCodes ? codes.quantized : output;
    if (!index.producer(tensor) || !original.producer(output)) return [];
    return [{ name, output, tensor, codes: useCodes ? codes : null }];
  });
  // where all layers stand inside If, Loop and Scan there is nothing to compare here
  if (taps.length === 0) return new Map();
  const codes = new Map(taps.map((t) => [t.name, t.codes]));
  const before = resume?.before ?? { done: 0, layers: [] };
  const sums = new Map(
    before.layers.map(([name, data]) => [name, LayerSum.fromData(data, codes.get(name) ?? null)]),
  );
  const exact = await openTapped(
    prepared,
    taps.map((t) => t.output),
  );
  const quantized = await openTapped(
    written,
    taps.map((t) => t.tensor),
  );
  try {
    for await (const [done, feed] of from(samples(), before.done)) {
      const a = await exact.session.run(feed, exact.tapped);
      const b = await quantized.session.run(feed, quantized.tapped);
      for (const tap of taps) {
        const reference = floatsOf(a[tap.output]);
        const value = b[tap.tensor];
        if (!reference || !value || value.data.length !== reference.length) continue;
        let sum = sums.get(tap.name);
        if (!sum) sums.set(tap.name, (sum = new LayerSum(tap.codes)));
        sum.add(reference, value);
      }
      await resume?.step(() => stateOf(done, sums));
      await onSample?.(done);
    }
  } finally {
    await exact.session.release();
    await quantized.session.release();
  }
  return new Map([...sums].map(([name, sum]) => [name, sum.result()]));
}

const stateOf = <D>(done: number, sums: ReadonlyMap<string, { toData(): D }>): SummedLayers<D> => ({
  done,
  layers: [...sums].map(([name, sum]) => [name, sum.toData()]),
});

/** Samples behind the first `skip`, each with how many there were with it. */
async function* from(
  samples: Iterable<Feed> | AsyncIterable<Feed>,
  skip: number,
): AsyncGenerator<[number, Feed]> {
  let done = 0;
  for await (const feed of samples) if (++done > skip) yield [done, feed];
}
