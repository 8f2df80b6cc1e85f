import { floatsOf } from '../data';
import {
  ChannelCloseness,
  channelLayout,
  ClosenessAccumulator,
  dequantize,
  dequantizePerChannel,
  NeighbourCorrelation,
  NoiseMoments,
} from '../numeric';
import { GraphIndex, type Feed, type Model, type TensorValue } from '../onnx';
import { localModel, type ExperimentSettings, type LocalModel } from '../quantize/experiments';
import type { UnitPlacement } from '../quantize/placement';
import { CHANNEL_AXIS } from '../quantize/channelwise';
import type { TensorParams } from '../quantize/parameters';
import type { WrittenCodes } from '../quantize/qdq';
import { channelAxisOf } from '../quantize/statistics';
import type { QuantParams } from '../numeric';
import type { Closeness, NoiseShape } from '../results';
import { openTapped } from '../runtime/taps';

/** Called after each sample. */
export type OnSample = (done: number) => void | Promise<void>;

/** Local error of a layer, whole and per output channel. */
export interface LocalError {
  closeness: Closeness;
  /** Without a scale: it is read before the layer's output quantizer. */
  noise: NoiseShape;
  byChannel: number[] | null;
  /** The part of the noise that lies in every output channel; null where there are none, or too many. */
  noiseShares: number[] | null;
  /** Correlation of the noise at neighbouring places, −1 … 1; null where its axes are no places. */
  coherence: number | null;
}

/** How a layer's output fared in the quantized model. */
export interface AccumulatedError {
  closeness: Closeness;
  noise: NoiseShape;
  dims: number[];
  /** Null where the output has no quantizer of its own. */
  clipRate: number | null;
  utilisation: number | null;
}

/** The three numbers of a finished accumulator. */
export function closenessOf(accumulator: ClosenessAccumulator): Closeness {
  return {
    sqnrDb: accumulator.sqnrDb,
    cosine: accumulator.cosine,
    maxAbs: accumulator.maxAbs,
  };
}

function shapeOf({ rmse, rmsePerScale, mean, skew, kurtosis }: NoiseMoments): NoiseShape {
  return { rmse, rmsePerScale, mean, skew, kurtosis };
}

/**
 * Local error of every integer layer (DESIGN §5) in one pass: each layer runs beside its quantized twin on exact
 * inputs. @param samples feeds; @returns by layer name
 */
export async function localErrors(
  prepared: Model,
  placements: readonly UnitPlacement[],
  settings: ExperimentSettings,
  samples: AsyncIterable<Feed>,
  onSample?: OnSample,
): Promise<Map<string, LocalError>> {
  return twinErrors(localModel(prepared, placements, settings), samples, onSample);
}

/** The same from a model that has its twins already. */
export async function twinErrors(
  { model, taps }: LocalModel,
  samples: AsyncIterable<Feed>,
  onSample?: OnSample,
): Promise<Map<string, LocalError>> {
  const names = [...taps.values()].flatMap((t) => [t.exact, t.local]);
  if (names.length === 0) return new Map();
  const { session } = await openTapped(model, names);
  const whole = new Map<string, { closeness: ClosenessAccumulator; noise: NoiseMoments }>();
  const channels = new Map<string, ChannelCloseness | null>();
  const neighbours = new Map<string, NeighbourCorrelation>();
  try {
    let done = 0;
    for await (const feed of samples) {
      const values = await session.run(feed, [...new Set(names)]);
      for (const [layer, tap] of taps) {
        const exact = floatsOf(values[tap.exact]);
        const local = floatsOf(values[tap.local]);
        if (!exact || !local) continue;
        let sums = whole.get(layer);
        if (!sums)
          whole.set(
            layer,
            (sums = { closeness: new ClosenessAccumulator(), noise: new NoiseMoments() }),
          );
        sums.closeness.add(exact, local);
        sums.noise.add(exact, local);
        const { dims } = values[tap.exact]!;
        addChannels(channels, layer, exact, local, dims);
        if (!NeighbourCorrelation.fits(dims)) continue;
        const own = neighbours.get(layer) ?? new NeighbourCorrelation();
        neighbours.set(layer, own.add(exact, local, dims));
      }
      await onSample?.(++done);
    }
  } finally {
    await session.release();
  }
  return new Map(
    [...whole].map(([layer, { closeness, noise }]) => [
      layer,
      {
        closeness: closenessOf(closeness),
        noise: shapeOf(noise),
        byChannel: channels.get(layer)?.sqnrDb() ?? null,
        noiseShares: channels.get(layer)?.noiseShares() ?? null,
        coherence: neighbours.get(layer)?.value ?? null,
      },
    ]),
  );
}

function addChannels(
  all: Map<string, ChannelCloseness | null>,
  layer: string,
  exact: Float32Array,
  local: Float32Array,
  dims: readonly number[],
): void {
  const axis = channelAxisOf(dims);
  let sums = all.get(layer);
  if (sums === undefined) {
    sums = axis === null || dims[axis]! > 4096 ? null : new ChannelCloseness(axis);
    all.set(layer, sums);
  }
  if (sums && (sums.channels === 0 || sums.channels === dims[axis!])) sums.add(exact, local, dims);
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
  samples: () => AsyncIterable<Feed>,
  onSample?: OnSample,
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
  const exact = await openTapped(
    prepared,
    taps.map((t) => t.output),
  );
  const quantized = await openTapped(
    written,
    taps.map((t) => t.tensor),
  );
  const sums = new Map<string, LayerSum>();
  try {
    let done = 0;
    for await (const feed of samples()) {
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
      await onSample?.(++done);
    }
  } finally {
    await exact.session.release();
    await quantized.session.release();
  }
  return new Map([...sums].map(([name, sum]) => [name, sum.result()]));
}

/** Sums of one layer over samples. */
class LayerSum {
  private readonly closeness = new ClosenessAccumulator();
  private readonly noise = new NoiseMoments();
  private readonly used = new Uint8Array(256);
  private outside = 0;
  private count = 0;
  private dims: number[] = [];

  constructor(private readonly codes: Pick<WrittenCodes, 'params' | 'channels'> | null) {}

  add(exact: Float32Array, value: TensorValue): void {
    this.dims = [...value.dims];
    const { data } = value;
    const floats = floatsOf(value);
    if (floats) {
      this.closeness.add(exact, floats);
      this.noise.add(exact, floats);
      return;
    }
    if (!this.codes || !(data instanceof Uint8Array || data instanceof Int8Array)) return;
    const reference = asRead(exact, this.codes.params);
    const offset = data instanceof Int8Array ? 128 : 0;
    for (let i = 0; i < data.length; i++) this.used[data[i]! + offset] = 1;
    this.count += reference.length;
    const { params, channels } = this.codes;
    if (!channels) {
      this.closeness.addCodes(reference, data, params.scale, params.zeroPoint);
      this.noise.add(reference, dequantize(data, params), params.scale);
      this.countOutside(reference, params, offset);
      return;
    }
    const back = dequantizePerChannel(data, value.dims, CHANNEL_AXIS, channels);
    this.closeness.add(reference, back);
    const { outer, channels: count, inner } = channelLayout(value.dims, CHANNEL_AXIS);
    for (let run = 0; run < outer * count; run++) {
      const values = reference.subarray(run * inner, (run + 1) * inner);
      const own = channels[run % count]!;
      this.noise.add(values, back.subarray(run * inner, (run + 1) * inner), own.scale);
      this.countOutside(values, own, offset);
    }
  }

  /** Half a step beyond the outermost codes still rounds to them. */
  private countOutside(values: Float32Array, { scale, zeroPoint }: QuantParams, offset: number) {
    const low = (-offset - zeroPoint - 0.5) * scale;
    const high = (255 - offset - zeroPoint + 0.5) * scale;
    for (let i = 0; i < values.length; i++)
      if (values[i]! < low || values[i]! > high) this.outside++;
  }

  result(): AccumulatedError {
    const counted = this.count > 0;
    return {
      closeness: closenessOf(this.closeness),
      noise: shapeOf(this.noise),
      dims: this.dims,
      clipRate: counted ? this.outside / this.count : null,
      utilisation: counted ? this.used.reduce((sum, used) => sum + used, 0) / 256 : null,
    };
  }
}

/** Values as far as the readers of a tensor tell them apart: what all of them take for the same is no error. */
function asRead(exact: Float32Array, { read }: TensorParams): Float32Array {
  return read ? exact.map((x) => Math.min(Math.max(x, read.min), read.max)) : exact;
}
