/** Rows of activations that a convolution multiplies, in the order of {@link convWeights}. */
import { intAttribute, intsAttribute, stringAttribute, type NodeProto } from '../../onnx';

/** A convolution's window over an input of known size. */
export interface Window {
  batch: number;
  channels: number;
  group: number;
  /** Sizes of the input, the kernel and the output along each spatial axis. */
  input: number[];
  kernel: number[];
  output: number[];
  strides: number[];
  dilations: number[];
  /** Padding before the first element of each axis. */
  begin: number[];
  /** True where channels are the last axis, as the runtime's own QLinearConv has them. */
  channelsLast: boolean;
}

/** The window of a convolution node. @param x dims of its input, @param w of its weight [M, C/group, k…] */
export function windowOf(node: NodeProto, x: readonly number[], w: readonly number[]): Window {
  const rank = w.length - 2;
  const channelsLast = intAttribute(node, 'channels_last', 0) !== 0;
  const input = channelsLast ? x.slice(1, -1) : x.slice(2);
  const fill = (n: number) => new Array<number>(rank).fill(n);
  const kernel = w.slice(2);
  const strides = intsAttribute(node, 'strides') ?? fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? fill(1);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const pads = auto === 'NOTSET' ? (intsAttribute(node, 'pads') ?? fill(0).concat(fill(0))) : null;
  const extent = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const output: number[] = [];
  const begin: number[] = [];
  for (let i = 0; i < rank; i++) {
    const [size, stride] = [input[i]!, strides[i]!];
    if (auto.startsWith('SAME')) {
      const out = Math.ceil(size / stride);
      const total = Math.max(0, (out - 1) * stride + extent[i]! - size);
      begin.push(auto === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2));
      output.push(out);
    } else {
      const [before, after] = [pads?.[i] ?? 0, pads?.[i + rank] ?? 0];
      begin.push(before);
      output.push(Math.floor((size + before + after - extent[i]!) / stride) + 1);
    }
  }
  return {
    batch: x[0]!,
    channels: x[channelsLast ? x.length - 1 : 1]!,
    group: intAttribute(node, 'group', 1),
    ...{ input, kernel, output, strides, dilations, begin, channelsLast },
  };
}

/**
 * Visits every row: one per image, group and output position. The row is reused; `position` counts output positions of
 * one image. Padding holds the code of zero. Rows are as long as the weights', with the even one's zero at the end.
 */
export function forEachRow<T extends Uint8Array | Int8Array | Int32Array>(
  data: T,
  window: Window,
  zero: number,
  row: T,
  visit: (image: number, group: number, position: number) => void,
): void {
  const { batch, channels, group, input, kernel, output, channelsLast } = window;
  const inputs = channels / group;
  const size = product(input);
  const positions = product(output);
  const taps = product(kernel);
  const stepOfChannel = channelsLast ? 1 : size;
  const stepOfPlace = channelsLast ? channels : 1;
  const places = new Int32Array(taps);
  for (let image = 0; image < batch; image++)
    for (let position = 0; position < positions; position++) {
      placesOf(window, position, places);
      for (let g = 0; g < group; g++) {
        let at = 0;
        const base = image * channels * size + g * inputs * stepOfChannel;
        for (let t = 0; t < taps; t++) {
          const place = places[t]!;
          if (place < 0) for (let i = 0; i < inputs; i++) row[at++] = zero;
          else {
            let from = base + place * stepOfPlace;
            for (let i = 0; i < inputs; i++, from += stepOfChannel) row[at++] = data[from]!;
          }
        }
        visit(image, g, position);
      }
    }
}

/** Flat place in the image that every tap of the kernel reads at one output position; −1 is padding. */
function placesOf(window: Window, position: number, places: Int32Array): void {
  const { input, kernel, output, strides, dilations, begin } = window;
  const rank = kernel.length;
  const origin = new Array<number>(rank);
  for (let i = rank - 1, rest = position; i >= 0; i--) {
    origin[i] = (rest % output[i]!) * strides[i]! - begin[i]!;
    rest = Math.floor(rest / output[i]!);
  }
  for (let t = 0; t < places.length; t++) {
    let [place, inside, rest, step] = [0, true, t, 1];
    for (let i = rank - 1; i >= 0; i--) {
      const at = origin[i]! + (rest % kernel[i]!) * dilations[i]!;
      rest = Math.floor(rest / kernel[i]!);
      inside &&= at >= 0 && at < input[i]!;
      place += at * step;
      step *= input[i]!;
    }
    places[t] = inside ? place : -1;
  }
}

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
